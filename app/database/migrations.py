"""Migration of the database to the version of the program, by one process at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import asyncpg
from aerich import Command
from tortoise.context import TortoiseContext

from app.database.applied import (
    EXPECTED_VERSION,
    FOLDER,
    VERSIONS,
    MigrationRefused,
    migration_number,
    schema_version,
)
from app.database.compatibility import schema_state
from app.database.migration_errors import (
    DATABASE_ERRORS,
    adoption_errors,
    connected,
    refused,
    reporting,
)
from app.database.server_checks import refuse_unfit_schema
from app.database.statistics import make_missing_statistics, make_statistics
from app.database.tortoise import APP, tortoise_config
from models.feed_offset import continue_feeds

__all__ = [
    "EXPECTED_VERSION",
    "VERSIONS",
    "Adopted",
    "MigrationRefused",
    "MigrationReport",
    "migrate",
    "migration_lock",
    "schema_version",
]

# Key of the advisory lock that all processes of this program share.
LOCK_KEY = int.from_bytes(b"ticketop", "big")
LOCK_POLL_S = 0.1
LOCK_REPORT_S = 2.0
LOCK_TIMEOUT_S = 600.0

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
    # The time of the migrations, without the wait for another process that migrates.
    duration_s: float = 0.0

    def __str__(self) -> str:
        if not self.applied:
            newer = f", newer than this program ({EXPECTED_VERSION}), which runs with it"
            is_newer = migration_number(self.after) > migration_number(EXPECTED_VERSION)
            return f"The database is at {self.after}{newer * is_newer}: nothing to do."
        lines = [f"Applied {version}" for version in self.applied]
        if self.adopted is not None:
            lines.append(
                f"Took over {self.adopted.tickets} tickets and {self.adopted.log_entries} log "
                f"entries of the former service."
            )
        return "\n".join(lines)

    def log(self) -> None:
        """Log what was applied, if anything was."""
        if not self.applied:
            return
        fields: dict[str, object] = {
            "schema_version_before": self.before,
            "schema_version": self.after,
            "applied": list(self.applied),
            "duration_s": round(self.duration_s, 3),
        }
        if self.adopted is not None:
            fields["adopted_tickets"] = self.adopted.tickets
            fields["adopted_log_entries"] = self.adopted.log_entries
        _logger.info("database migrated", extra={"fields": fields})


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
    async with connected(url) as connection:
        state = await schema_state(connection)
        applied: list[str] = []
        adopts = False
        duration_s = 0.0
        if not state.is_migrated:
            async with migration_lock(connection, timeout_s=lock_timeout_s):
                state = await schema_state(connection, to_migrate=True)
                await refuse_unfit_schema(connection)
                adopts = state.known is None and await _has_former_tables(connection)
                # The driver left the last query suspended after its first row, with a snapshot for
                # whose end CREATE INDEX CONCURRENTLY would wait. Another query ends it.
                await connection.execute("SELECT")
                started_at = monotonic()
                with reporting(report_change):
                    try:
                        applied = await _upgrade(url)
                    except DATABASE_ERRORS as error:
                        reached = await schema_version(connection)
                        raise refused(error, state.known, reached) from error
                duration_s = monotonic() - started_at
        if state.newer is not None:
            fields = {"schema_version": state.newer, "program_version": EXPECTED_VERSION}
            _logger.warning("database newer than this program", extra={"fields": fields})
        await _continue_feeds(connection)
        if adopts:
            await make_statistics(connection)
        else:
            await make_missing_statistics(connection)
        return MigrationReport(
            before=state.version,
            after=state.newer or EXPECTED_VERSION,
            applied=tuple(applied),
            adopted=await _adopted(connection) if adopts else None,
            duration_s=duration_s,
        )


async def _continue_feeds(connection: asyncpg.Connection) -> None:
    offset = await continue_feeds(connection)
    if offset is not None:
        fields = {"transaction_offset": offset}
        _logger.info("feeds continue after a restore", extra={"fields": fields})


@asynccontextmanager
async def migration_lock(
    connection: asyncpg.Connection, *, timeout_s: float
) -> AsyncIterator[None]:
    """Hold the advisory lock of migrations.

    The lock is polled: a blocking request for it can deadlock with CREATE INDEX CONCURRENTLY, which
    waits for the transactions that began before it. So each attempt is a transaction of its own.
    The lock belongs to a transaction, which does nothing else, so that it also works behind a
    connection pooler in transaction mode.
    """
    started_at = monotonic()
    deadline = started_at + timeout_s
    is_reported = False
    while True:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK_KEY):
                yield
                return
        if monotonic() > deadline:
            message = f"Another process has been migrating this database for over {timeout_s:g} s."
            raise MigrationRefused(message, hint="Find it in pg_stat_activity, then start again.")
        if not is_reported and monotonic() > started_at + LOCK_REPORT_S:
            is_reported = True
            _logger.warning(
                "waiting for another process that migrates the database",
                extra={"fields": {"timeout_s": timeout_s}},
            )
        await asyncio.sleep(LOCK_POLL_S)


async def _upgrade(url: str) -> list[str]:
    config = tortoise_config(url, pool_size=1)
    # In a separate context, because the process may have another database open.
    async with TortoiseContext() as context:
        await context.init(config=config)
        command = Command(config, app=APP, location=str(FOLDER.parent.parent / "{app}/migrations"))
        await command.init()
        with adoption_errors():
            return await command.upgrade()


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
