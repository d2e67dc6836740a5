"""Migration of the database to the version of the program, by one process at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from time import monotonic

import asyncpg
from aerich import Command
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from app.database.applied import (
    EXPECTED_VERSION,
    FOLDER,
    VERSIONS,
    MigrationRefused,
    known_version,
    migration_number,
    schema_version,
)
from app.database.server_checks import refuse_old_server, refuse_unfit_schema
from app.database.tortoise import APP, tortoise_config
from engine.database.connecting import connect
from engine.database.errors import DatabaseUnavailable, is_unavailable, sqlstate
from models.migrations.legacy import AdoptionRefused, on_change
from models.restore import renumber_restored

__all__ = [
    "EXPECTED_VERSION",
    "VERSIONS",
    "Adopted",
    "MigrationRefused",
    "MigrationReport",
    "check_migration",
    "migrate",
    "migration_number",
    "schema_version",
]

# Key of the advisory lock that all processes of this program share.
LOCK_KEY = int.from_bytes(b"ticketop", "big")
LOCK_POLL_S = 0.1
LOCK_REPORT_S = 2.0
LOCK_TIMEOUT_S = 600.0

_DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    BaseORMException,
    DatabaseUnavailable,
    OSError,
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Numbers of rows taken over from the former service."""

    tickets: int
    log_entries: int


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """Result of a migration: the versions before and after, and the migrations applied."""

    before: str | None
    after: str
    applied: tuple[str, ...]
    adopted: Adopted | None = None

    def __str__(self) -> str:
        if not self.applied:
            return f"The database is at {self.after}: nothing to do."
        lines = [f"Applied {version}" for version in self.applied]
        if self.adopted is not None:
            lines.append(
                f"Took over {self.adopted.tickets} tickets and {self.adopted.log_entries} log "
                f"entries of the former service."
            )
        return "\n".join(lines)


async def migrate(
    url: str,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    report_change: Callable[[str], None] | None = None,
) -> MigrationReport:
    """Apply the missing migrations.

    Several processes may call it at once: one migrates while the others wait. Before the database
    of the former service is adopted, ``report_change`` is called with each change; by default they
    are logged. Raises MigrationRefused; the refused migration has then changed nothing, or
    continues when it is run again, if it fills a column in batches.
    """
    async with _connected(url) as connection:
        before = await known_version(connection)
        if before == EXPECTED_VERSION:
            await _renumber_restored(connection)
            return MigrationReport(before=before, after=before, applied=())
        async with _lock(connection, timeout_s=lock_timeout_s):
            before = await known_version(connection, to_migrate=True)
            await refuse_unfit_schema(connection)
            adopts = before is None and await _has_former_tables(connection)
            with _reporting(report_change):
                try:
                    applied = await _upgrade(url)
                except _DATABASE_ERRORS as error:
                    raise _refused(error, before, await schema_version(connection)) from error
        await _renumber_restored(connection)
        return MigrationReport(
            before=before,
            after=EXPECTED_VERSION,
            applied=tuple(applied),
            adopted=await _adopted(connection) if adopts else None,
        )


async def check_migration(
    url: str,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    report_change: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Apply the missing migrations in a transaction that is rolled back, and return their names.

    The tables are locked meanwhile. Raises MigrationRefused as `migrate` would.
    """
    async with _connected(url) as connection:
        if await known_version(connection) == EXPECTED_VERSION:
            return ()
        async with _lock(connection, timeout_s=lock_timeout_s):
            before = await known_version(connection, to_migrate=True)
            pending = VERSIONS if before is None else VERSIONS[VERSIONS.index(before) + 1 :]
            if pending:
                await refuse_unfit_schema(connection)
                with _reporting(report_change):
                    await _try(url, pending)
            return pending


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect, and convert the errors of PostgreSQL and of the connection to MigrationRefused."""
    try:
        connection = await connect(url)
        try:
            refuse_old_server(connection)
            yield connection
        finally:
            await connection.close()
    except _DATABASE_ERRORS as error:
        raise _refused(error) from error


@contextmanager
def _reporting(report_change: Callable[[str], None] | None) -> Iterator[None]:
    if report_change is None:
        yield
        return
    token = on_change.set(report_change)
    try:
        yield
    finally:
        on_change.reset(token)


async def _renumber_restored(connection: asyncpg.Connection) -> None:
    for table in await renumber_restored(connection):
        _logger.warning("restored table renumbered", extra={"fields": {"table": table}})


@asynccontextmanager
async def _lock(connection: asyncpg.Connection, *, timeout_s: float) -> AsyncIterator[None]:
    """Hold the advisory lock of migrations.

    The lock is polled: a blocking request for it can deadlock with CREATE INDEX CONCURRENTLY.
    It belongs to a transaction, which does nothing else, so that it also works behind a
    connection pooler in transaction mode.
    """
    started_at = monotonic()
    deadline = started_at + timeout_s
    is_reported = False
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        while not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK_KEY):
            if monotonic() > deadline:
                message = (
                    f"Another process has been migrating this database for over {timeout_s:g} s."
                )
                raise MigrationRefused(
                    message, hint="Find it in pg_stat_activity, then start again."
                )
            if not is_reported and monotonic() > started_at + LOCK_REPORT_S:
                is_reported = True
                _logger.warning(
                    "waiting for another process that migrates the database",
                    extra={"fields": {"timeout_s": timeout_s}},
                )
            await asyncio.sleep(LOCK_POLL_S)
        yield


async def _upgrade(url: str) -> list[str]:
    config = tortoise_config(url, pool_size=1)
    # In a separate context, because the process may have another database open.
    async with TortoiseContext() as context:
        await context.init(config=config)
        command = Command(config, app=APP, location=str(FOLDER.parent.parent / "{app}/migrations"))
        await command.init()
        with _adoption_errors():
            return await command.upgrade()


async def _try(url: str, versions: Sequence[str]) -> None:
    """Run migrations in one transaction, and roll it back.

    The first migration that does not run in a transaction ends the trial.
    """
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url, pool_size=1))
        async with in_transaction() as connection:
            for version in versions:
                migration = import_module(f"models.migrations.{version.removesuffix('.py')}")
                if not getattr(migration, "RUN_IN_TRANSACTION", True):
                    break
                with _adoption_errors():
                    await connection.execute_script(await migration.upgrade(connection))
            await connection.rollback()


@contextmanager
def _adoption_errors() -> Iterator[None]:
    try:
        yield
    except AdoptionRefused as refusal:
        raise MigrationRefused(
            str(refusal).rstrip(), hint="Correct the problems listed, then start again."
        ) from refusal


def _refused(
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


async def _has_former_tables(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT to_regclass('tickets') IS NOT NULL OR to_regclass('log_entries') IS NOT NULL"
        )
    )


async def _adopted(connection: asyncpg.Connection) -> Adopted:
    (row,) = await connection.fetch(
        """
        SELECT
            (SELECT count(*) FROM tickets) AS tickets,
            (SELECT count(*) FROM log_entries) AS log_entries
        """
    )
    return Adopted(tickets=row["tickets"], log_entries=row["log_entries"])
