"""Validation of text: only strings that PostgreSQL can store."""

from collections.abc import Iterable

from models.columns import ID_MAX_LENGTH
from resolvers.errors import ErrorCode, InvalidInput


def checked_text(value: str, *path: str) -> str:
    """Return the text; raises InvalidInput if it contains NUL or a lone surrogate."""
    if "\0" in value:
        message = f"{path[-1]} must not contain the character NUL."
        raise InvalidInput(ErrorCode.INVALID, message, *path)
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        message = f"{path[-1]} must be valid Unicode, without lone surrogates."
        raise InvalidInput(ErrorCode.INVALID, message, *path) from None
    return value


def check_texts(values: Iterable[str], *path: str) -> None:
    """Raise InvalidInput if one of the texts contains NUL or a lone surrogate."""
    # To join them first is faster than to check each.
    checked_text("".join(values), *path)


def checked_id(value: str, *path: str) -> str:
    """Return the id; raises InvalidInput unless it has 1 to 64 storable characters."""
    if not value:
        raise InvalidInput(ErrorCode.REQUIRED, f"{path[-1]} must not be empty.", *path)
    if len(value) > ID_MAX_LENGTH:
        message = f"{path[-1]} must have at most {ID_MAX_LENGTH} characters, not {len(value)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, *path)
    return checked_text(value, *path)
