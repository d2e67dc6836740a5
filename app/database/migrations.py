"""Migration of the database to the version of the program, by one process at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import asyncpg
from aerich import Command
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException

import models
from app.database.tortoise import APP, tortoise_config
from app.errors import CommandError
from engine.database.errors import is_unavailable, sqlstate
from models.migrations.legacy import AdoptionRefused
from models.restore import renumber_restored

MIN_SERVER_VERSION = 12
# Key of the advisory lock that all processes of this program share.
LOCK_KEY = int.from_bytes(b"ticketop", "big")
LOCK_POLL_S = 0.1
LOCK_TIMEOUT_S = 600.0

_logger = logging.getLogger(__name__)
_FOLDER = Path(models.__file__).parent / "migrations"


def migration_number(version: str) -> int:
    """Return the number at the start of a migration's name, by which migrations are ordered."""
    return int(version.split("_", 1)[0])


# The names of the migrations, as aerich records them, oldest first.
VERSIONS = tuple(sorted((path.name for path in _FOLDER.glob("[0-9]*_*.py")), key=migration_number))
EXPECTED_VERSION = VERSIONS[-1]


class MigrationRefused(CommandError):
    """The database cannot be migrated to the version of the program."""


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


async def migrate(url: str, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> MigrationReport:
    """Apply the missing migrations.

    Several processes may call it at once: one migrates while the others wait. Raises
    MigrationRefused; the refused migration has then changed nothing.
    """
    # A connection pooler does not support prepared statements.
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        _refuse_old_server(connection)
        before = await _known_version(connection)
        if before == EXPECTED_VERSION:
            await _renumber_restored(connection)
            return MigrationReport(before=before, after=before, applied=())
        async with _lock(connection, timeout_s=lock_timeout_s):
            before = await _known_version(connection)
            await _refuse_unfit_schema(connection)
            adopts = before is None and await _has_former_tables(connection)
            applied = await _upgrade(url)
        await _renumber_restored(connection)
        return MigrationReport(
            before=before,
            after=EXPECTED_VERSION,
            applied=tuple(applied),
            adopted=await _adopted(connection) if adopts else None,
        )
    finally:
        await connection.close()


async def _renumber_restored(connection: asyncpg.Connection) -> None:
    for table in await renumber_restored(connection):
        _logger.warning("restored table renumbered", extra={"fields": {"table": table}})


async def schema_version(connection: asyncpg.Connection) -> str | None:
    """Return the name of the newest applied migration, None if there is none."""
    return max(await _applied(connection), key=migration_number, default=None)


async def _applied(connection: asyncpg.Connection) -> list[str]:
    if await connection.fetchval("SELECT to_regclass('aerich')") is None:
        return []
    rows = await connection.fetch("SELECT version FROM aerich WHERE app = $1", APP)
    return [row["version"] for row in rows]


async def _known_version(connection: asyncpg.Connection) -> str | None:
    applied = await _applied(connection)
    unknown = sorted(set(applied) - set(VERSIONS), key=migration_number)
    if unknown:
        message = (
            f"The database is newer than this program: it is at {unknown[-1]}, the program at "
            f"{EXPECTED_VERSION}."
        )
        raise MigrationRefused(message, hint="Use a newer version of the program.")
    return max(applied, key=migration_number, default=None)


def _refuse_old_server(connection: asyncpg.Connection) -> None:
    if connection.get_server_version().major < MIN_SERVER_VERSION:
        version = connection.get_settings().server_version
        raise MigrationRefused(
            f"PostgreSQL {version} is not supported.",
            hint=f"Use PostgreSQL {MIN_SERVER_VERSION} or newer.",
        )


async def _refuse_unfit_schema(connection: asyncpg.Connection) -> None:
    (row,) = await connection.fetch(
        """
        SELECT
            current_database() AS database,
            current_user AS role,
            current_schema() AS schema,
            has_schema_privilege(current_schema(), 'CREATE') AS may_create,
            current_setting('transaction_read_only') = 'on' AS is_read_only,
            current_setting('server_encoding') AS encoding
        """
    )
    if row["is_read_only"]:
        message = f'The database "{row["database"]}" is read-only, like a standby.'
        hint = "Set DATABASE_URL to the primary server."
    elif row["encoding"] != "UTF8":
        message = (
            f'The encoding of the database "{row["database"]}" is {row["encoding"]}; '
            f"it must be UTF8."
        )
        hint = "Create a database with ENCODING 'UTF8'."
    elif row["schema"] is None:
        message = (
            f'No schema of the search_path exists in the database "{row["database"]}", so that '
            f"tables cannot be created."
        )
        hint = "Create the schema, or correct the search_path."
    elif not row["may_create"]:
        message = (
            f'The role "{row["role"]}" cannot create tables in the schema "{row["schema"]}" of '
            f'the database "{row["database"]}".'
        )
        hint = f'As its owner, run: GRANT CREATE ON SCHEMA "{row["schema"]}" TO "{row["role"]}"'
    else:
        return
    raise MigrationRefused(message, hint=hint)


@asynccontextmanager
async def _lock(connection: asyncpg.Connection, *, timeout_s: float) -> AsyncIterator[None]:
    """Hold the advisory lock of migrations.

    The lock is polled: a blocking request for it can deadlock with CREATE INDEX CONCURRENTLY.
    It belongs to a transaction, which does nothing else, so that it also works behind a
    connection pooler in transaction mode.
    """
    deadline = monotonic() + timeout_s
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
            await asyncio.sleep(LOCK_POLL_S)
        yield


async def _upgrade(url: str) -> list[str]:
    config = tortoise_config(url, pool_size=1)
    # In a separate context, because the process may have another database open.
    async with TortoiseContext() as context:
        await context.init(config=config)
        command = Command(config, app=APP, location=str(_FOLDER.parent.parent / "{app}/migrations"))
        await command.init()
        try:
            return await command.upgrade()
        except AdoptionRefused as refusal:
            raise MigrationRefused(
                str(refusal).rstrip(), hint="Correct the problems listed, then start again."
            ) from refusal
        except (BaseORMException, asyncpg.PostgresError) as error:
            if is_unavailable(error):
                raise
            raise _refused(error) from error


def _refused(error: Exception) -> MigrationRefused:
    if sqlstate(error) == asyncpg.LockNotAvailableError.sqlstate:
        return MigrationRefused(
            "Another program is using the tables of the former service. Nothing was changed.",
            hint="Stop that program, then start again.",
        )
    cause = error.__cause__ or error
    detail = getattr(cause, "detail", None)
    return MigrationRefused(
        f"PostgreSQL rejected the migration, and nothing was changed: {cause}"
        + (f" ({detail})" if detail else "")
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
