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
from app.database.privileges import missing_privileges
from app.errors import CommandError
from engine.database.connecting import connect
from engine.database.errors import NoWritableHost
from engine.database.replication import replication_mode
from engine.database.session import Session, losing_settings, unfit_settings

__all__ = [
    "DatabaseUnreachable",
    "ReadyDatabase",
    "UnfitSessions",
    "available_database",
    "check_sessions",
    "ready_database",
]

CONNECT_TIMEOUT_S = 10.0
# PostgreSQL rejects a setting of the session: its value, its name, or any change of it.
_SETTING_ERRORS = (
    asyncpg.InvalidParameterValueError,
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.PostgresSyntaxError,
)

_logger = logging.getLogger(__name__)


class DatabaseUnreachable(CommandError):
    """The database does not accept connections."""


class UnfitSessions(CommandError):
    """The sessions of the database have settings with which the service cannot work."""


@dataclass(frozen=True, slots=True)
class ReadyDatabase:
    """A migrated database: its URL, and the report of the migration."""

    url: str
    report: MigrationReport


@contextmanager
def available_database(
    settings: Settings, *, is_supervised: bool = False, allows_other_version: bool = False
) -> Iterator[str]:
    """Yield the URL of a database that accepts connections.

    Without DATABASE_URL, an embedded PostgreSQL runs until the end of the block; if
    ``is_supervised``, it is restarted when it dies. With ``allows_other_version``, its folder may
    be of another major version whose programs are installed.
    Raises DatabaseUnreachable or EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        asyncio.run(_check_connection(settings.database_url))
        yield settings.database_url
        return
    # Imported only if needed: it does not work on every platform.
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415

    postgres = EmbeddedPostgres(settings.data_dir, allows_other_version=allows_other_version)
    with postgres as url:
        if is_supervised:
            postgres.supervise()
        yield url


@contextmanager
def ready_database(
    settings: Settings,
    *,
    is_supervised: bool = False,
    report_change: Callable[[str], None] | None = None,
) -> Iterator[ReadyDatabase]:
    """Yield an available database after migrating it; raises MigrationRefused too.

    ``is_supervised`` as for `available_database`, ``report_change`` as for `migrate`.
    """
    with available_database(settings, is_supervised=is_supervised) as url:
        yield ReadyDatabase(url, asyncio.run(migrate(url, report_change=report_change)))


def check_sessions(settings: Settings, url: str) -> None:
    """Log warnings about the sessions of the database; raises UnfitSessions."""
    asyncio.run(_check_sessions(settings, url))


async def _check_sessions(settings: Settings, url: str) -> None:
    session = await _connect(url)
    try:
        has_pooler = session.state.has_pooler
        unfit = await unfit_settings(session, has_pooler=has_pooler)
        losing = await losing_settings(session)
        mode = await replication_mode(session)
        database = await session.fetchval("SELECT quote_ident(current_database())")
        lacking = await missing_privileges(session)
    finally:
        await session.close()
    if unfit:
        raise UnfitSessions(
            "The service cannot work with the settings of the database's sessions: "
            + ", ".join(f"{setting.name} = {setting.value}" for setting in unfit)
            + ".",
            hint="As its owner, run: "
            + "; ".join(
                f"ALTER DATABASE {database} SET {setting.name} = '{setting.required}'"
                for setting in unfit
            )
            + ". Check ALTER ROLE and postgresql.conf too, and RECONNECT a PgBouncer.",
        )
    if lacking is not None:
        _logger.warning("database privileges missing", extra={"fields": {"missing": lacking}})
    _logger.info(
        "replication is synchronous" if mode.is_synchronous else "replication is not synchronous",
        extra={
            "fields": {
                "promise": "a failover loses no confirmed change"
                if mode.is_synchronous
                else "a failover can lose the last confirmed changes",
                "synchronous_standby_names": mode.standby_names,
                "synchronous_commit": mode.commit,
            }
        },
    )
    for setting in losing:
        _logger.info(
            "committed changes can be lost", extra={"fields": {"setting": setting, "value": "off"}}
        )
    if settings.database_listen_url is None and has_pooler:
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
    await (await _connect(url)).close()


async def _connect(url: str) -> Session:
    try:
        return await connect(url, timeout_s=CONNECT_TIMEOUT_S)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unreachable(url, error) from error


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
    elif isinstance(error, NoWritableHost):
        hint = "Add the primary to DATABASE_URL, or turn off default_transaction_read_only."
    elif isinstance(error, asyncpg.InsufficientPrivilegeError):
        hint = "Grant the role this privilege, or connect as another role."
    elif isinstance(error, asyncpg.TooManyConnectionsError):
        hint = "End other sessions, or raise the limit of the server, the database or the role."
    elif isinstance(error, _SETTING_ERRORS):
        hint = "Correct this setting in DATABASE_URL."
    else:
        hint = "Start the server or correct DATABASE_URL. If unset, an embedded PostgreSQL is used."
    return DatabaseUnreachable(f"Cannot connect to {without_secrets(url)}: {reason}.", hint=hint)
