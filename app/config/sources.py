"""Sources of settings: `.env`, the environment and flags, in ascending order of precedence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.dotenv_file import read_dotenv
from app.config.errors import SettingError
from app.config.setting_fields import Setting
from app.config.similar_names import SimilarName, similar_names

__all__ = [
    "DOTENV",
    "RenamedSetting",
    "SettingSource",
    "UnknownSetting",
    "parse_setting",
    "read_sources",
    "renamed",
    "unknown",
]

DOTENV = Path(".env")
_PLACES = {".env": "in .env", "environment": "in the environment", "flag": "on the command line"}


def parse_setting(setting: Setting, text: str, *, name: str, source: str) -> Any:
    """Return the value of a setting; ``name`` is the one under which it was set.

    Raises SettingError if the value is invalid. The error does not contain the value: it can be a
    secret, also because the values of two settings were exchanged.
    """
    place = _PLACES.get(source, source)
    try:
        # Bytes of the environment that are not UTF-8 are lone surrogates.
        text.encode()
    except UnicodeEncodeError:
        raise SettingError(f"{name} {place} must be UTF-8 text.", hint=setting.help) from None
    try:
        return setting.parser(text)
    except ValueError as allowed:
        unit = f", in {setting.unit}" if setting.unit else ""
        message = f"{name} {place} must be {allowed}{unit}."
        raise SettingError(message, hint=setting.help) from None


@dataclass(frozen=True, slots=True)
class SettingSource:
    """A source of settings, and the values that it sets, by current name."""

    label: str
    values: Mapping[str, str]
    renamed: Sequence["RenamedSetting"] = ()
    # Names that no setting has, although they are similar to that of a setting.
    unknown: Sequence[SimilarName] = ()

    def name_of(self, name: str) -> str:
        """Return the name, current or former, that gave a setting its value here."""
        return next((one.former_name for one in self.renamed if one.name == name), name)


@dataclass(frozen=True, slots=True)
class RenamedSetting:
    """A setting that a source sets under its former name."""

    former_name: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name in a source that is probably a misspelled name of a setting."""

    name: str
    similar_to: str
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
    names = {name for one in known for name in (one.name, one.former_name) if name}
    in_file = {} if dotenv is None else read_dotenv(dotenv, names)
    return (
        _source(".env", in_file, known),
        _source("environment", environ, known),
        _source("flag", overrides or {}, known),
    )


def renamed(sources: Iterable[SettingSource]) -> Iterator[RenamedSetting]:
    """Yield the settings that are set under a former name."""
    for source in sources:
        yield from source.renamed


def unknown(sources: Iterable[SettingSource]) -> Iterator[UnknownSetting]:
    """Yield the names that are probably misspelled names of settings."""
    for source in sources:
        for name in source.unknown:
            yield UnknownSetting(name.name, name.similar_to, source.label)


def _source(label: str, texts: Mapping[str, str], known: Sequence[Setting]) -> SettingSource:
    others = {*texts} - {setting.former_name for setting in known}
    similar = similar_names(sorted(others), [setting.name for setting in known])
    texts = {name: text.strip() for name, text in texts.items() if text.strip()}
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
    return SettingSource(label, values, found, tuple(similar))


def _refuse_different_values(setting: Setting, texts: Mapping[str, str], label: str) -> None:
    names = (setting.name, setting.former_name)
    current, former = (
        parse_setting(setting, texts[name], name=name, source=label) for name in names
    )
    if current != former:
        raise SettingError(
            f"{setting.name} and its former name {setting.former_name} have different values "
            f"{_PLACES[label]}.",
            hint=f"Remove {setting.former_name}.",
        )
