"""Flags that set what an environment variable sets, for those settings that a person types."""

import argparse
import os
from dataclasses import fields

from app.config.setting_fields import meaning_of, name_of
from app.config.settings import Settings

DATABASE = ("database_url", "data_dir")
LOG = ("log_level", "log_format")


def add_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Let a command take flags for these settings."""
    for own in fields(Settings):
        if own.name in names:
            parser.add_argument(
                f"--{own.name.replace('_', '-')}",
                metavar=name_of(own).rpartition("_")[2],
                help=meaning_of(own).replace("%", "%%"),
            )


def given_flags(given: argparse.Namespace) -> dict[str, str]:
    """Return the settings that were given as flags."""
    values = {name_of(own): getattr(given, own.name, None) for own in fields(Settings)}
    return {name: value for name, value in values.items() if value is not None}


def load_settings(given: argparse.Namespace) -> Settings:
    """Return the settings of the environment, `.env` and the flags; raises SettingError."""
    return Settings.load(os.environ, overrides=given_flags(given))
