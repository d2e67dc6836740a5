"""A primary with standbys that stream its changes, and whose lag tests control."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from app.database.access import path_for
from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from app.database.programs import account_for
from tests.app.conftest import new_data_dir
from tests.app.database.standby import Standby, standby_of
from tests.app.http.serving import Served
from tests.feed.readers import connected
from tests.superuser import superuser_url
from tests.waiting import until, wait_until

__all__ = [
    "Streaming",
    "pause_replay",
    "resume_replay",
    "states",
    "streaming_postgres",
    "wait_for_states",
    "wait_until_used",
]

WAIT_S = 120
_IS_PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
HBA_FILE = "replication_hba.conf"


@dataclass(frozen=True)
class Streaming:
    """A migrated primary and its standbys."""

    primary: EmbeddedPostgres
    standbys: list[Standby]

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a server."""
        return {
            "DATABASE_URL": self.primary.url,
            "DATABASE_REPLICA_URL": ",".join(standby.url for standby in self.standbys),
            "LOG_LEVEL": "info",
        }


@contextmanager
def streaming_postgres(
    *, standbys: int = 1, options: dict[str, str] | None = None
) -> Iterator[Streaming]:
    """Run a primary with standbys; ``options`` are those of the standbys."""
    with new_data_dir() as folder, ExitStack() as running:
        # The standbys use the socket in it.
        folder.chmod(0o711)
        primary = EmbeddedPostgres(
            folder,
            options=VOLATILE | {"synchronous_commit": "on", "hba_file": _hba_file(folder)},
        )
        primary.start()
        running.callback(primary.stop)
        asyncio.run(migrate(primary.url))
        given = {
            "primary_conninfo": _conninfo(primary.url),
            # In the folder in which the standby starts.
            "hba_file": HBA_FILE,
        } | (options or {})
        found = [running.enter_context(standby_of(primary, options=given)) for _ in range(standbys)]
        yield Streaming(primary, found)


async def pause_replay(standby: Standby) -> None:
    """Make a standby receive changes without replaying them."""
    async with connected(superuser_url(standby.url)) as session:
        await session.execute("SELECT pg_wal_replay_pause()")
        await until(lambda: session.fetchval(_IS_PAUSED))


async def resume_replay(standby: Standby) -> None:
    """Make a standby replay what it has received."""
    async with connected(superuser_url(standby.url)) as session:
        await session.execute("SELECT pg_wal_replay_resume()")


def states(server: Served) -> dict[str, str]:
    """Return the state of each replica by its number."""
    found: dict[str, str] = server.http.get("/readyz").json()["replicas"]
    return found


def wait_until_used(server: Served, count: int = 1) -> None:
    """Wait until a server uses this many replicas."""
    wait_for_states(server, lambda found: list(found.values()).count("used") == count)


def wait_for_states(server: Served, condition: Callable[[dict[str, str]], bool]) -> None:
    """Wait until a condition is true for the states of the replicas."""
    wait_until(lambda: condition(states(server)), within_s=WAIT_S)


def _hba_file(folder: Path) -> str:
    with EmbeddedPostgres(folder, options=VOLATILE):
        pass
    cluster = folder.resolve() / "postgres"
    file = cluster / HBA_FILE
    file.write_text("local all all trust\nlocal replication all trust\n")
    file.chmod(0o644)
    return str(path_for(cluster, account_for(cluster)) / file.name)


def _conninfo(url: str) -> str:
    query = parse_qs(urlsplit(url).query)
    return f"host={query['host'][0]} port={query['port'][0]} user=postgres"
