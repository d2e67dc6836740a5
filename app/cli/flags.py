"""Command-line flags for settings, and the settings of a command."""

import argparse
import os
from collections.abc import Iterable

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.sources import RenamedSetting, SettingSource, read_sources, renamed

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

    Logs a warning for each setting that is set under its former name.
    """
    sources = setting_sources(arguments)
    settings = Settings.from_sources(sources)
    _warn_of_former_names(settings, renamed(sources))
    return settings


def setting_sources(arguments: argparse.Namespace) -> tuple[SettingSource, ...]:
    """Return the sources of the settings of a command; raises SettingError."""
    declared = declared_settings(Settings)
    flags = {setting.name: getattr(arguments, setting.attribute, None) for setting in declared}
    overrides = {name: value for name, value in flags.items() if value is not None}
    return read_sources(declared, os.environ, overrides=overrides)


def _warn_of_former_names(settings: Settings, found: Iterable[RenamedSetting]) -> None:
    former_names = list(found)
    if not former_names:
        return
    import logging

    from app.config.logs import configure_logs

    configure_logs(level=settings.log_level, log_format=settings.log_format)
    for setting in former_names:
        logging.getLogger("ticketops").warning(
            "setting renamed",
            extra={
                "fields": {
                    "former_name": setting.former_name,
                    "name": setting.name,
                    "source": setting.source,
                }
            },
        )
