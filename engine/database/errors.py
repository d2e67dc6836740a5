"""What may become of a statement or of a connection, and whether waiting mends it."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import DBConnectionError

__all__ = [
    "DATABASE_ERRORS",
    "DatabaseUnavailable",
    "convert_connection_errors",
    "is_transient",
    "is_unavailable",
    "sqlstate",
    "violated_constraint",
]

# What asyncpg raises, be it of the connection or of the database.
DATABASE_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Classes of SQLSTATE (PostgreSQL, appendix A) that say "not now": connection
# exceptions, insufficient resources, operator intervention (but not a cancelled
# statement, which has run out of its time).
_UNAVAILABLE_CLASSES = ("08", "53", "57P")
# Classes that no waiting mends: what is read is not there, not allowed, or not what it was.
_LASTING_CLASSES = ("22", "42")
_UNAVAILABLE_ERRORS = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBConnectionError,
    ConnectionError,
)


class DatabaseUnavailable(Exception):
    """The database did not answer, or gave no connection in time; trying again may help."""


@contextmanager
def convert_connection_errors() -> Iterator[None]:
    """Make a connection; raises DatabaseUnavailable, whatever the system calls it.

    A socket that is gone, a name that leads nowhere, a host that does not answer: they have
    in common only that they are an OSError, and so has much that is no fault of a database.
    """
    try:
        yield
    except OSError as error:
        message = f"no connection to the database can be made: {type(error).__name__}"
        raise DatabaseUnavailable(message) from error


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE behind an error, also where the ORM has wrapped it."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
        error = error.__cause__
    return None


def violated_constraint(error: BaseException | None) -> str | None:
    """Return the name of the constraint that a statement would have violated."""
    while error is not None:
        name = getattr(error, "constraint_name", None)
        if isinstance(name, str):
            return name
        error = error.__cause__
    return None


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether an error means that the database is away and trying again may help."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_UNAVAILABLE_CLASSES)
        if isinstance(error, (DatabaseUnavailable, *_UNAVAILABLE_ERRORS)):
            return True
        error = error.__cause__
    return False


def is_transient(error: BaseException) -> bool:
    """Tell whether an error is of those that waiting mends, as when a database is restarted."""
    state = sqlstate(error)
    if state is not None:
        return not state.startswith(_LASTING_CLASSES)
    return is_unavailable(error)
