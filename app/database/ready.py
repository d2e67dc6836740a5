"""A database ready for use: that of DATABASE_URL or an embedded one, reachable and migrated."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from app.config.settings import Settings
from app.config.urls import without_secrets
from app.database.migrations import MigrationReport, migrate
from app.errors import CommandError
from engine.database.poolers import dsn_uses_pooler

__all__ = [
    "DatabaseUnreachable",
    "ReadyDatabase",
    "available_database",
    "ready_database",
    "warn_of_pooler",
]

CONNECT_TIMEOUT_S = 10.0

_logger = logging.getLogger(__name__)


class DatabaseUnreachable(CommandError):
    """The database does not accept connections."""


@dataclass(frozen=True, slots=True)
class ReadyDatabase:
    """A migrated database: its URL, and the report of the migration."""

    url: str
    report: MigrationReport


@contextmanager
def available_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of a database that accepts connections.

    Without DATABASE_URL, an embedded PostgreSQL runs until the end of the block.
    Raises DatabaseUnreachable or EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        asyncio.run(_check_connection(settings.database_url))
        yield settings.database_url
        return
    # Imported only if needed: it does not work on every platform.
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415

    with EmbeddedPostgres(settings.data_dir) as url:
        yield url


@contextmanager
def ready_database(
    settings: Settings, *, report_change: Callable[[str], None] | None = None
) -> Iterator[ReadyDatabase]:
    """Yield an available database after migrating it; raises MigrationRefused too.

    ``report_change`` as for `migrate`.
    """
    with available_database(settings) as url:
        yield ReadyDatabase(url, asyncio.run(migrate(url, report_change=report_change)))


def warn_of_pooler(settings: Settings, url: str) -> None:
    """Log a warning if a connection pooler delays notifications from other processes."""
    if settings.database_listen_url is None and asyncio.run(dsn_uses_pooler(url)):
        _logger.warning(
            "notifications delayed by connection pooler",
            extra={
                "fields": {
                    "max_delay_s": 1,
                    "advice": "Set DATABASE_LISTEN_URL to a direct connection.",
                }
            },
        )


async def _check_connection(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unreachable(url, error) from error
    await connection.close()


def _unreachable(url: str, error: Exception) -> DatabaseUnreachable:
    if isinstance(error, TimeoutError):
        reason = f"no response within {CONNECT_TIMEOUT_S:g} s"
    elif isinstance(error, ConnectionRefusedError):
        reason = "connection refused"
    else:
        reason = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        hint = "Create the database, for example with createdb."
    elif isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        hint = "Correct the user and password in DATABASE_URL."
    else:
        hint = "Start the server or correct DATABASE_URL. If unset, an embedded PostgreSQL is used."
    return DatabaseUnreachable(f"Cannot connect to {without_secrets(url)}: {reason}.", hint=hint)
