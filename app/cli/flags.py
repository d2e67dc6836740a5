"""Command-line flags for settings, and the settings of a command."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.sources import SettingSource, read_sources, renamed, unknown

# Settings that several commands accept as flags.
DATABASE = ("database_url", "data_dir")
LOG = ("log_level", "log_format")


def add_flags(parser: argparse.ArgumentParser, *attributes: str) -> None:
    """Add a flag for each of these settings."""
    for setting in declared_settings(Settings):
        if setting.attribute in attributes:
            parser.add_argument(
                f"--{setting.attribute.replace('_', '-')}",
                metavar=setting.name.rpartition("_")[2],
                help=setting.help.replace("%", "%%"),
            )


def load_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the flags, the environment and `.env`; raises SettingError.

    Logs a warning for each setting that is set under its former name or, probably, under a
    misspelled one.
    """
    return settings_of(setting_sources(arguments))


def settings_of(sources: Sequence[SettingSource]) -> Settings:
    """Return the settings of sources as `load_settings` does; raises SettingError."""
    settings = Settings.from_sources(sources)
    warnings = [
        *(("setting renamed", asdict(one)) for one in renamed(sources)),
        *(("unknown setting ignored", asdict(one)) for one in unknown(sources)),
    ]
    if warnings:
        _warn(settings, warnings)
    return settings


def setting_sources(arguments: argparse.Namespace) -> tuple[SettingSource, ...]:
    """Return the sources of the settings of a command; raises SettingError."""
    declared = declared_settings(Settings)
    flags = {setting.name: getattr(arguments, setting.attribute, None) for setting in declared}
    overrides = {name: value for name, value in flags.items() if value is not None}
    return read_sources(declared, os.environ, overrides=overrides)


def _warn(settings: Settings, warnings: Sequence[tuple[str, dict[str, str]]]) -> None:
    import logging

    from app.config.logs import configure_logs

    configure_logs(level=settings.log_level, log_format=settings.log_format)
    for message, fields in warnings:
        logging.getLogger("ticketops").warning(message, extra={"fields": fields})
