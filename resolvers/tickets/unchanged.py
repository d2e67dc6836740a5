"""Fields of an update that the ticket has already, although they are invalid by today's rules.

A ticket of the former service can have an empty email address, or metadata that is nested more
deeply than allowed. A client that sends such a ticket back with another status changes only the
status, so only that is checked.
"""

from collections.abc import Mapping
from typing import Any

from engine.exact_json import dumps, loads
from models import Ticket
from models.ticket import NEW_TICKET
from resolvers.errors import ApiErrors
from resolvers.tables import TICKETS

__all__ = ["may_be_unchanged", "without_unchanged"]


def may_be_unchanged(fields: Mapping[str, object], invalid: ApiErrors) -> bool:
    """Return whether every invalid field has a value that a ticket can have."""
    return all(
        error.path
        and error.path[0] in NEW_TICKET
        and _can_be_stored(error.path[0], fields.get(error.path[0]))
        for error in invalid.errors
    )


def without_unchanged(
    fields: Mapping[str, object], invalid: ApiErrors, ticket: Ticket
) -> dict[str, object]:
    """Return the fields without the invalid ones that the ticket has already."""
    unchanged = {
        name
        for name in (error.path[0] for error in invalid.errors)
        if _is_equal(name, fields[name], getattr(ticket, name))
    }
    return {name: value for name, value in fields.items() if name not in unchanged}


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
