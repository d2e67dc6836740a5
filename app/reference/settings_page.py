"""Reference page of the settings."""

from itertools import groupby

from app.config.setting_fields import Setting, declared_settings
from app.config.settings import Settings
from app.reference.markdown import code, page, table

__all__ = ["settings_page"]

INTRODUCTION = """\
Set a setting as an environment variable, in a `.env` file in the working directory, or, where
[the command](cli.md) has one, by a flag. A flag overrides the environment, which overrides `.env`.
An empty value counts as unset. `ticketops settings` lists the current values and their sources,
without secrets, and URLs without credentials and most parameters.

`.env` is UTF-8 text with lines of `NAME=VALUE`. A value can be in quotation marks, and `#` after a
space starts a comment. A line that cannot be understood, or two values for one name, prevent the
start. A name in `.env` or in the environment that is similar to that of a setting, such as `PROT`,
logs the warning `unknown setting ignored`. Other unknown names belong to other programs."""


def settings_page() -> str:
    """Return the page: a section per group, with a table of its settings."""
    groups = groupby(declared_settings(Settings), lambda setting: setting.group)
    sections = [f"## {group}\n\n{_table(list(settings))}" for group, settings in groups]
    return page("Settings", INTRODUCTION, *sections, _secrets(), _former_names())


def _table(settings: list[Setting]) -> str:
    header = ("Setting", "Description", "Values", "Default", "Example")
    return table(header, (_row(setting) for setting in settings))


def _row(setting: Setting) -> tuple[str, ...]:
    unit = f", in {setting.unit}" if setting.unit else ""
    return (
        code(setting.name),
        f"{setting.description}.",
        setting.parser.allowed + unit,
        code(setting.default_text) or setting.unset.removeprefix("if unset, ") or "none",
        code(setting.example),
    )


def _secrets() -> str:
    declared = declared_settings(Settings)
    secrets = ", ".join(code(setting.name) for setting in declared if setting.is_secret)
    urls = ", ".join(code(setting.name) for setting in declared if setting.parser.is_url)
    return (
        "## Secrets\n\nNo message, log line or list contains the value of these settings: "
        f"{secrets}.\n\nThese URLs can contain credentials and are shown without them: {urls}. "
        "The user of a database is shown, and of the parameters only those that hold no secret, "
        "such as `sslmode`.\n\nSet secrets in the environment or in `.env`. Other users of the "
        "machine can see flags."
    )


def _former_names() -> str:
    renamed = [setting for setting in declared_settings(Settings) if setting.former_name]
    rows = [(code(setting.former_name), code(setting.name)) for setting in renamed]
    return (
        "## Former names\n\nThese names are still accepted and log the warning `setting renamed` "
        "at the start. Different values under both names are an error if both are in `.env`, or "
        "both in the environment.\n\n" + table(("Former name", "Setting"), rows)
    )
