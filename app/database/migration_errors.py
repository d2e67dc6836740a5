"""Conversion of the errors of a migration to MigrationRefused."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from tortoise.exceptions import BaseORMException

from app.database.applied import MigrationRefused
from app.database.server_checks import refuse_old_server
from engine.database.connecting import connect
from engine.database.errors import DatabaseUnavailable, is_unavailable, sqlstate
from models.migrations.legacy import AdoptionRefused, on_change

__all__ = ["DATABASE_ERRORS", "adoption_errors", "connected", "refused", "reporting"]

DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    BaseORMException,
    DatabaseUnavailable,
    OSError,
)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect, and convert the errors of PostgreSQL and of the connection to MigrationRefused."""
    try:
        connection = await connect(url)
        try:
            refuse_old_server(connection)
            yield connection
        finally:
            await connection.close()
    except DATABASE_ERRORS as error:
        raise refused(error) from error


@contextmanager
def reporting(report_change: Callable[[str], None] | None) -> Iterator[None]:
    """Call ``report_change`` with each change of an adoption in the block; None logs them."""
    if report_change is None:
        yield
        return
    token = on_change.set(report_change)
    try:
        yield
    finally:
        on_change.reset(token)


@contextmanager
def adoption_errors() -> Iterator[None]:
    """Convert the refusal of an adoption to MigrationRefused."""
    try:
        yield
    except AdoptionRefused as refusal:
        raise MigrationRefused(
            str(refusal).rstrip(), hint="Correct the problems listed, then start again."
        ) from refusal


def refused(
    error: Exception, before: str | None = None, after: str | None = None
) -> MigrationRefused:
    """Return the refusal for an error; the versions are those before and after the migration."""
    if sqlstate(error) == asyncpg.LockNotAvailableError.sqlstate:
        return MigrationRefused(
            "Another program is using the tables. The migration was not applied.",
            hint="Stop that program or wait for it, then start again.",
        )
    cause = error.__cause__ or error
    text = " ".join(str(cause).split()) or type(cause).__name__
    if is_unavailable(error) or isinstance(error, OSError):
        return MigrationRefused(
            f"The connection to the database failed during the migration: {text.rstrip('.')}.",
            hint="Start again when the database is available.",
        )
    # The function of a trigger, if one raised the error.
    context = str(getattr(cause, "context", None) or "").split("\n")[0]
    changed = "nothing was changed" if after == before else f"the database is at {after}"
    return MigrationRefused(
        f"PostgreSQL rejected the migration, and {changed}: {text}"
        + (f" ({context})" if context else ""),
        hint="Correct what PostgreSQL names, then start again.",
    )
