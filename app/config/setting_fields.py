"""Declaration of a setting: a dataclass field that also holds its parser and documentation."""

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from app.config.setting_parsers import Parser
from app.config.urls import HIDDEN, without_secrets

__all__ = ["Setting", "declared_settings", "setting"]

# Settings that hold a quantity have its unit in their name.
_UNITS = {"MS": "milliseconds", "BYTES": "bytes"}


def setting(
    default: Any,
    parser: Parser,
    description: str,
    *,
    unset: str = "",
    example: str = "",
    secret: bool = False,
    former_name: str = "",
    group: str = "",
) -> Any:
    """Declare a setting as a dataclass field.

    ``unset`` describes the behaviour without the setting, if its default depends on other
    settings. ``example`` is a value for the documentation. ``former_name`` is still accepted,
    with a warning. ``group`` starts a group, which the settings after it belong to.
    """
    metadata = {
        "parser": parser,
        "description": description,
        "unset": unset,
        "example": example,
        "secret": secret,
        "former_name": former_name,
        "group": group,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Setting:
    """A declared setting: its name, parser and documentation."""

    attribute: str
    default: Any
    group: str
    parser: Parser
    description: str
    unset: str
    example: str
    former_name: str
    is_secret: bool

    @property
    def name(self) -> str:
        """The environment variable."""
        return self.attribute.upper()

    @property
    def unit(self) -> str:
        """The unit of the value, empty if it has none."""
        return next((_UNITS[word] for word in self.name.split("_") if word in _UNITS), "")

    @property
    def help(self) -> str:
        """The description, with the behaviour without the setting."""
        return f"{self.description} ({self.unset})" if self.unset else self.description

    @property
    def default_text(self) -> str:
        """The default as text; empty if there is none or it depends on other settings."""
        return "" if self.unset or self.default is MISSING else format_value(self.default)

    def display(self, value: Any) -> str:
        """Return a value as text, without secrets."""
        if self.parser.is_url:
            is_list = isinstance(value, tuple)
            value = (
                tuple(map(without_secrets, value)) if is_list else value and without_secrets(value)
            )
        formatted = format_value(value)
        if self.is_secret:
            return HIDDEN if formatted else ""
        return formatted if formatted.isprintable() else ascii(formatted)


def declared_settings(settings: Any) -> tuple[Setting, ...]:
    """Return the settings that a dataclass declares, in their order."""
    declared: list[Setting] = []
    for declaration in fields(settings):
        group = declaration.metadata["group"] or declared[-1].group
        declared.append(_setting_of(declaration, group))
    return tuple(declared)


def _setting_of(declaration: Field[Any], group: str) -> Setting:
    metadata = declaration.metadata
    return Setting(
        attribute=declaration.name,
        default=declaration.default,
        group=group,
        parser=metadata["parser"],
        description=metadata["description"],
        unset=metadata["unset"],
        example=metadata["example"],
        former_name=metadata["former_name"],
        is_secret=metadata["secret"],
    )


def format_value(value: Any) -> str:
    """Return the text of a value, in the form that its parser accepts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
