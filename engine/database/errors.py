"""Classification of the errors of statements and connections.

docs/reference/database-errors.md lists what a client receives for each SQLSTATE.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from tortoise.exceptions import DBConnectionError

__all__ = [
    "DATABASE_ERRORS",
    "QUERY_CANCELED",
    "READ_ONLY",
    "UNKNOWN_STATEMENT",
    "ConnectionRefused",
    "DatabaseUnavailable",
    "NoWritableHost",
    "Overloaded",
    "convert_connection_errors",
    "database_message",
    "is_outdated",
    "is_transient",
    "is_unavailable",
    "postgres_error",
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
# A statement that was cancelled: by statement_timeout, or by an administrator.
QUERY_CANCELED = "57014"
# A prepared statement that the session does not know: something has reset the session.
UNKNOWN_STATEMENT = "26000"
# A change on a standby, or in a session whose default_transaction_read_only is on.
READ_ONLY = "25006"

# Prefixes of SQLSTATE codes (PostgreSQL, appendix A) for states of the database that pass, or that
# its administrator ends, while the statement is right: a retry may help.
_UNAVAILABLE_CLASSES = (
    "08",  # connection exception
    READ_ONLY,
    "25P03",  # idle_in_transaction_session_timeout ended the session
    "25P04",  # transaction_timeout ended the session
    "26",  # unknown prepared statement
    "28",  # the password or the role is rejected
    "3D000",  # the database does not exist, as while it is renamed
    "40001",  # serialization failure
    "40003",  # statement completion unknown
    "40P01",  # deadlock
    "53",  # insufficient resources: disk full, out of memory, too many connections
    "55P03",  # lock not available
    "57",  # operator intervention, except a cancelled statement
    "58",  # error of the system, such as input and output
    "72",  # snapshot too old
    "F0",  # configuration file of the server
)
# Errors in the data, the statement, the schema or the privileges: retrying does not help.
_PERMANENT_CLASSES = ("22", "42")
_UNAVAILABLE_ERRORS = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    # A statement that was prepared before a migration.
    asyncpg.InvalidCachedStatementError,
    DBConnectionError,
    ConnectionError,
)

_OUTDATED_ERRORS = (asyncpg.InvalidCachedStatementError, asyncpg.InvalidSQLStatementNameError)


class NoWritableHost(ConnectionError):
    """A host responds, but its sessions cannot write, which the URL requires."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or no connection became free in time; a retry may help."""


class ConnectionRefused(DatabaseUnavailable):
    """PostgreSQL responded, but does not admit another session; its error is the cause."""


class Overloaded(DatabaseUnavailable):
    """Requests wait for each other, and a limit of that is reached; the message is for clients."""


@contextmanager
def convert_connection_errors() -> Iterator[None]:
    """Convert the errors of a block that only connects to DatabaseUnavailable.

    A missing socket, an unknown host name and an unreachable host have only OSError in common,
    which outside such a block can have other causes. PostgreSQL refuses a session for many
    reasons, such as a missing privilege, which the client of a request cannot change.
    """
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot connect to the database: {type(error).__name__}"
        ) from error
    except asyncpg.PostgresError as error:
        raise ConnectionRefused(f"the database refused a connection: {error}") from error


def postgres_error(error: BaseException | None) -> asyncpg.PostgresError | None:
    """Return the error of PostgreSQL: this one, or the one that the ORM wrapped in it."""
    while error is not None:
        if isinstance(error, asyncpg.PostgresError):
            return error
        error = error.__cause__
    return None


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
        if isinstance(error, (DatabaseUnavailable, *_UNAVAILABLE_ERRORS)):
            return True
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_UNAVAILABLE_CLASSES) and state != QUERY_CANCELED
        error = error.__cause__
    return False


def is_outdated(error: BaseException | None) -> bool:
    """Return whether a statement failed because it was prepared for another schema or session.

    It had no effect, and is prepared again when it is repeated.
    """
    while error is not None:
        if isinstance(error, _OUTDATED_ERRORS):
            return True
        error = error.__cause__
    return False


def database_message(error: BaseException) -> str | None:
    """Return the message of an error of the database in one line; None for any other error."""
    if sqlstate(error) is None and not is_unavailable(error):
        return None
    cause = error.__cause__ or error
    text = " ".join(str(cause).split()).rstrip(".")
    return f"The database reported an error: {text or type(cause).__name__}."


def is_transient(error: BaseException) -> bool:
    """Return whether an error can disappear by itself, as after a restart of the database."""
    if is_unavailable(error):
        return True
    state = sqlstate(error)
    return state is not None and not state.startswith(_PERMANENT_CLASSES)
