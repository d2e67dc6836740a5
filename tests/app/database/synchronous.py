"""A PostgreSQL whose commits can be made to wait for a standby that does not exist."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from tests.app.conftest import new_data_dir
from tests.feed.readers import connected
from tests.superuser import superuser_options, superuser_url

__all__ = ["Administrator", "administrator_of", "synchronous_postgres"]

WAIT_S = 30
# Until the process that reloads the configuration has passed it on to all sessions.
_IS_SET = "SELECT current_setting('synchronous_standby_names') = $1"
_WAITING = """
SELECT pid
FROM pg_stat_activity
WHERE datname = 'ticketops' AND wait_event = 'SyncRep'
"""


@contextmanager
def synchronous_postgres() -> Iterator[EmbeddedPostgres]:
    """Run a migrated PostgreSQL whose commits are durable."""
    with new_data_dir() as folder:
        options = VOLATILE | {"synchronous_commit": "on"} | superuser_options(folder)
        postgres = EmbeddedPostgres(folder, options=options)
        postgres.start()
        try:
            asyncio.run(migrate(postgres.url))
            yield postgres
        finally:
            postgres.stop()


class Administrator:
    """A superuser's session."""

    def __init__(self, session: asyncpg.Connection) -> None:
        self.session = session

    async def stall(self) -> None:
        """Make each commit wait for a standby."""
        await self._set("nosuch")

    async def resume(self) -> None:
        """Let the commits end that wait, and those that follow."""
        await self._set("")

    async def waiting(self, count: int = 0) -> list[int]:
        """Return the processes whose commits wait, when there are at least so many."""
        async with asyncio.timeout(WAIT_S):
            while True:
                rows = await self.session.fetch(_WAITING)
                if len(rows) >= count:
                    return [row["pid"] for row in rows]
                await asyncio.sleep(0.02)

    async def until(self, statement: str, *values: object) -> None:
        """Wait until a statement returns true."""
        async with asyncio.timeout(WAIT_S):
            while not await self.session.fetchval(statement, *values):  # noqa: ASYNC110  # another process changes it
                await asyncio.sleep(0.02)

    async def _set(self, names: str) -> None:
        await self.session.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        await self.session.execute("SELECT pg_reload_conf()")
        await self.until(_IS_SET, names)


@asynccontextmanager
async def administrator_of(postgres: EmbeddedPostgres) -> AsyncIterator[Administrator]:
    """Connect as the superuser; afterwards, commits do not wait."""
    async with connected(superuser_url(postgres.url)) as session:
        administrator = Administrator(session)
        try:
            yield administrator
        finally:
            await administrator.resume()
