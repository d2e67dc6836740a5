"""Sources of settings: `.env`, the environment and flags, in ascending order of precedence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.setting_fields import Setting
from app.errors import CommandError

__all__ = [
    "DOTENV",
    "RenamedSetting",
    "SettingError",
    "SettingSource",
    "parse_setting",
    "read_sources",
    "renamed",
]

DOTENV = Path(".env")


class SettingError(CommandError):
    """A setting has an invalid value, or contradicts another setting."""


def parse_setting(setting: Setting, text: str, *, name: str) -> Any:
    """Return the value of a setting; ``name`` is the one under which it was set.

    Raises SettingError if the value is invalid.
    """
    try:
        return setting.parser(text)
    except ValueError as allowed:
        invalid = "" if setting.is_secret else f" is {setting.quote(text)}, but"
        raise SettingError(f"{name}{invalid} must be {allowed}.", hint=setting.help) from None


@dataclass(frozen=True, slots=True)
class SettingSource:
    """A source of settings, and the values that it sets, by current name."""

    label: str
    values: Mapping[str, str]
    renamed: Sequence["RenamedSetting"] = ()

    def name_of(self, name: str) -> str:
        """Return the name, current or former, that gave a setting its value here."""
        return next((one.former_name for one in self.renamed if one.name == name), name)


@dataclass(frozen=True, slots=True)
class RenamedSetting:
    """A setting that a source sets under its former name."""

    former_name: str
    name: str
    source: str


def read_sources(
    settings: Iterable[Setting],
    environ: Mapping[str, str],
    *,
    dotenv: Path | None = DOTENV,
    overrides: Mapping[str, str] | None = None,
) -> tuple[SettingSource, ...]:
    """Return the sources, the last with the highest precedence. Empty values count as absent.

    Raises SettingError if `.env` is unreadable, or if one source gives a setting different
    values under its current and its former name. Between sources, only their precedence counts.
    """
    known = tuple(settings)
    texts = ((".env", _read_dotenv(dotenv)), ("environment", environ), ("flag", overrides or {}))
    nonempty = [
        (label, {name: text.strip() for name, text in values.items() if text.strip()})
        for label, values in texts
    ]
    return tuple(_source(label, values, known) for label, values in nonempty)


def renamed(sources: Iterable[SettingSource]) -> Iterator[RenamedSetting]:
    """Yield the settings that are set under a former name."""
    for source in sources:
        yield from source.renamed


def _source(label: str, texts: Mapping[str, str], known: Iterable[Setting]) -> SettingSource:
    values: dict[str, str] = {}
    found: list[RenamedSetting] = []
    for setting in known:
        if setting.former_name in texts:
            if setting.name in texts:
                _refuse_different_values(setting, texts, label)
            values[setting.name] = texts[setting.former_name]
            found.append(RenamedSetting(setting.former_name, setting.name, label))
        if setting.name in texts:
            values[setting.name] = texts[setting.name]
    return SettingSource(label, values, found)


def _refuse_different_values(setting: Setting, texts: Mapping[str, str], label: str) -> None:
    names = (setting.name, setting.former_name)
    current, former = (parse_setting(setting, texts[name], name=name) for name in names)
    if current != former:
        place = "the environment" if label == "environment" else label
        raise SettingError(
            f"{setting.name} and its former name {setting.former_name} have different values in "
            f"{place}.",
            hint=f"Remove {setting.former_name}.",
        )


def _read_dotenv(dotenv: Path | None) -> Mapping[str, str]:
    if dotenv is None or not dotenv.is_file():
        return {}
    # Imported only if the file exists: commands start faster without it.
    from dotenv import dotenv_values  # noqa: PLC0415

    try:
        # Without interpolation, so that a password can contain a dollar sign.
        found = dotenv_values(dotenv, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"Cannot read {dotenv}: {error}.", hint="Check its permissions; it must be UTF-8."
        ) from error
    return {name: value for name, value in found.items() if value is not None}
