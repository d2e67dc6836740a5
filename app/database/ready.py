"""A database to work with: the one of DATABASE_URL or an embedded one, found, and migrated."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from app.config.settings import Settings
from app.config.urls import without_password
from app.database.migrations import MigrationReport, migrate
from app.errors import CommandError
from engine.database.poolers import dsn_uses_pooler

CONNECT_TIMEOUT_S = 10.0

_logger = logging.getLogger(__name__)


class DatabaseUnreachable(CommandError):
    """The database does not answer, or does not let us in."""


@dataclass(frozen=True, slots=True)
class ReadyDatabase:
    """A database at the version of the code."""

    url: str
    report: MigrationReport


@contextmanager
def available_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of a database that answers; an embedded one runs for as long as this does.

    Raises DatabaseAway or EmbeddedTrouble.
    """
    if settings.database_url is not None:
        asyncio.run(_look_in(settings.database_url))
        yield settings.database_url
        return
    # Only where it is wanted: it does not run on every platform.
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415

    with EmbeddedPostgres(settings.data_dir) as url:
        yield url


@contextmanager
def ready_database(settings: Settings) -> Iterator[ReadyDatabase]:
    """Yield a database that answers and is migrated; raises MigrationRefused too."""
    with available_database(settings) as url:
        yield ReadyDatabase(url, asyncio.run(migrate(url)))


def warn_of_pooler(settings: Settings, url: str) -> None:
    """Say that other processes are heard of late, where that is so."""
    if settings.database_listen_url is None and asyncio.run(dsn_uses_pooler(url)):
        _logger.warning(
            "DATABASE_URL leads to a pooler: changes of other processes come up to a second "
            "late, unless DATABASE_LISTEN_URL names a way on which one can listen"
        )


async def _look_in(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _away(url, error) from error
    await connection.close()


def _away(url: str, error: Exception) -> DatabaseUnreachable:
    place = without_password(url)
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return DatabaseUnreachable(f"{place}: {error}.", hint="Make it, by createdb for example.")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return DatabaseUnreachable(
            f"{place}: {error}.", hint="Correct user and password in DATABASE_URL."
        )
    if isinstance(error, TimeoutError):
        reason = f"no answer within {CONNECT_TIMEOUT_S:g} s"
    elif isinstance(error, ConnectionRefusedError):
        reason = "nothing listens there"
    else:
        reason = str(error) or type(error).__name__
    return DatabaseUnreachable(
        f"The database {place} is away: {reason}.",
        hint="Start it or correct DATABASE_URL; without one, an embedded PostgreSQL is used.",
    )
