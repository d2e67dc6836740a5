"""Classification of the errors of statements and connections."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import DBConnectionError

__all__ = [
    "DATABASE_ERRORS",
    "DatabaseUnavailable",
    "Overloaded",
    "convert_connection_errors",
    "is_transient",
    "is_unavailable",
    "sqlstate",
    "violated_constraint",
]

# The errors that asyncpg raises for a connection or a statement.
DATABASE_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# Prefixes of SQLSTATE codes (PostgreSQL, appendix A) for an unavailable database: connection
# exceptions, insufficient resources, and operator intervention, except a cancelled statement
# (57014), which reports a timeout.
_UNAVAILABLE_CLASSES = ("08", "53", "57P")
# Errors in the data, the statement, the schema or the privileges: retrying does not help.
_PERMANENT_CLASSES = ("22", "42")
_UNAVAILABLE_ERRORS = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBConnectionError,
    ConnectionError,
)


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or no connection became free in time; a retry may help."""


class Overloaded(DatabaseUnavailable):
    """Requests wait for each other, and a limit of that is reached; the message is for clients."""


@contextmanager
def convert_connection_errors() -> Iterator[None]:
    """Convert an OSError in the block to DatabaseUnavailable; for blocks that only connect.

    A missing socket, an unknown host name and an unreachable host have only OSError in common,
    which outside such a block can have other causes.
    """
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot connect to the database: {type(error).__name__}"
        ) from error


def sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of an error, or of the error that the ORM wrapped."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
        error = error.__cause__
    return None


def violated_constraint(error: BaseException | None) -> str | None:
    """Return the name of the constraint that a statement violated."""
    while error is not None:
        name = getattr(error, "constraint_name", None)
        if isinstance(name, str):
            return name
        error = error.__cause__
    return None


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether an error means that the database is unavailable, so that a retry may help."""
    while error is not None:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_UNAVAILABLE_CLASSES)
        if isinstance(error, (DatabaseUnavailable, *_UNAVAILABLE_ERRORS)):
            return True
        error = error.__cause__
    return False


def is_transient(error: BaseException) -> bool:
    """Return whether an error can disappear by itself, as after a restart of the database."""
    state = sqlstate(error)
    if state is not None:
        return not state.startswith(_PERMANENT_CLASSES)
    return is_unavailable(error)
