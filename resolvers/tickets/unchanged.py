"""Fields of an update that the ticket has already, although they could not be written today.

A ticket of the former service can have an empty email address, metadata that is nested more deeply
than allowed, or text that is not in NFC. A client that sends such a ticket back with another status
changes only the status, so only that is checked and written.
"""

from collections.abc import Mapping
from typing import Any

from engine.exact_json import dumps, loads
from models import Ticket
from models.ticket import NEW_TICKET
from resolvers.errors import ApiErrors
from resolvers.normalization import normalized
from resolvers.tables import TICKETS

__all__ = ["fields_to_compare", "may_be_unchanged", "without_unchanged"]


def may_be_unchanged(fields: Mapping[str, object], invalid: ApiErrors) -> bool:
    """Return whether every invalid field has a value that a ticket can have."""
    return all(
        error.path
        and error.path[0] in NEW_TICKET
        and _can_be_stored(error.path[0], fields.get(error.path[0]))
        for error in invalid.errors
    )


def fields_to_compare(fields: Mapping[str, object], invalid: ApiErrors | None) -> frozenset[str]:
    """Return the names of the fields that are invalid, and of the texts that are not in NFC."""
    names = [error.path[0] for error in invalid.errors] if invalid else []
    denormalized = [
        name
        for name, value in fields.items()
        if isinstance(value, str) and normalized(value) != value
    ]
    return frozenset(names + denormalized)


def without_unchanged(
    fields: Mapping[str, object], names: frozenset[str], ticket: Ticket
) -> dict[str, object]:
    """Return the fields without those of these names that the ticket has already."""
    return {
        name: value
        for name, value in fields.items()
        if name not in names or not _is_equal(name, value, getattr(ticket, name))
    }


def _can_be_stored(name: str, value: object) -> bool:
    return value is not None and (TICKETS.columns[name].is_json or isinstance(value, str))


def _is_equal(name: str, value: object, stored: Any) -> bool:
    if not TICKETS.columns[name].is_json:
        return bool(value == stored)
    # Compared as texts, because the numbers 1 and 1.0 are equal.
    return stored is not None and _text(value) == _text(loads(stored.encode()))


def _text(value: object) -> bytes | None:
    try:
        return dumps(value, sort_keys=True)
    except TypeError:
        # A lone surrogate, or nested more deeply than the encoder allows.
        return None
