"""`.env`: lines of NAME=VALUE. A file that cannot be understood completely is an error.

Messages name lines, never their content, which can be a secret.
"""

import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from app.config.errors import SettingError

__all__ = ["read_dotenv"]

_ASSIGNMENT = re.compile(r"^[^\S\n]*(?:export[^\S\n]+)?(\w+)[^\S\n]*=", re.MULTILINE)


def read_dotenv(path: Path, names: Collection[str]) -> Mapping[str, str]:
    """Return the values of a file, or none if the file does not exist.

    ``names`` are those of the settings, which need a value. Raises SettingError.
    """
    text = _read(path)
    return {} if text is None else _parse(text, path, names)


def _read(path: Path) -> str | None:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        if not path.is_symlink():
            return None
        raise _unreadable(path, "the file that it links to is missing") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "it is not UTF-8 text", hint=f"Save {path} as UTF-8.") from error
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    if "\0" in text:
        raise _unreadable(path, "it contains NUL characters", hint=f"Save {path} as UTF-8.")
    return text


def _unreadable(path: Path, reason: str, *, hint: str = "") -> SettingError:
    hint = hint or f"Make {path} a file that this user can read, or remove it."
    return SettingError(f"Cannot read {path}: {reason}.", hint=hint)


def _parse(text: str, path: Path, names: Collection[str]) -> Mapping[str, str]:
    # Imported only if the file exists: commands start faster without it.
    from dotenv.parser import parse_stream  # noqa: PLC0415

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    # Without interpolation, so that a password can contain a dollar sign.
    for binding in parse_stream(io.StringIO(text)):
        content = binding.original.string.lstrip()
        line = binding.original.line + binding.original.string.removesuffix(content).count("\n")
        if binding.error:
            raise SettingError(
                f"Cannot read line {line} of {path}: it is not NAME=VALUE.",
                hint="Close its quotation marks, and put # before comments.",
            )
        name, value = binding.key, binding.value
        if name is None:
            continue
        if "\n" in (value or ""):
            _refuse_swallowed_lines(content, line, path, names)
        if value is None:
            if name in names:
                raise SettingError(
                    f"Line {line} of {path} has no value for {name}.", hint=f"Write {name}=VALUE."
                )
            continue
        if values.get(name, value) != value:
            raise SettingError(
                f"{path} sets {name} twice, in lines {lines[name]} and {line}.",
                hint="Remove one of them.",
            )
        values[name] = value
        lines[name] = line
    return values


def _refuse_swallowed_lines(content: str, line: int, path: Path, names: Collection[str]) -> None:
    """Refuse a value that contains another setting: its quotation marks are in the wrong place."""
    assigned = _ASSIGNMENT.findall(content)
    # The first is that of the value itself.
    swallowed = next((name for name in assigned[1:] if name in names), None)
    if swallowed or (assigned[:1] and assigned[0] in names):
        inside = swallowed or "a line break"
        raise SettingError(
            f"The value in line {line} of {path} contains {inside}.",
            hint="Close its quotation marks in the same line.",
        )
