"""The databases of a benchmark: filled once, copied afresh for each run."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from app.database.migrations import migrate
from app.seed import seed, story
from models import migrations
from tests.benchmarks.places import SCRATCH
from tests.benchmarks.progress import say
from tests.superuser import superuser_options, superuser_url

# Where more tickets are wanted, older copies of these are added.
SEEDED = 100_000
_NAME = "ticketops_bench"

# So many of the newest tickets have five log entries; the oldest give theirs.
_WELL_LOGGED = 1_000
_MOVE_LOG_ENTRIES = """
WITH newest AS (
    SELECT id, row_number() OVER (ORDER BY created_at DESC, id DESC) AS place
    FROM tickets
    ORDER BY created_at DESC, id DESC
    LIMIT $1
), oldest AS (
    SELECT id, row_number() OVER (ORDER BY created_at, id) AS place
    FROM tickets
    ORDER BY created_at, id
    LIMIT $1
), moved AS (
    SELECT entry.id, newest.id AS ticket_id
    FROM newest
    JOIN oldest USING (place)
    CROSS JOIN LATERAL (
        SELECT id FROM log_entries WHERE ticket_id = oldest.id ORDER BY timestamp DESC, id LIMIT 2
    ) AS entry
)
UPDATE log_entries
SET ticket_id = moved.ticket_id, delivery_id = NULL
FROM moved
WHERE log_entries.id = moved.id
"""

_ADD_OLDER_TICKETS = """
INSERT INTO tickets (
    id, subject, description, status, priority, category, customer_name, customer_email,
    customer_phone, assigned_to, metadata, created_at, updated_at, version, ops_state
)
SELECT
    gen_random_uuid(), subject, description, status, priority, category, customer_name,
    customer_email, customer_phone, assigned_to, metadata, created_at - $1 * span,
    updated_at - $1 * span, version, ops_state
FROM (
    SELECT *, max(created_at) OVER () - min(created_at) OVER () AS span
    FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT $2) AS seeded
) AS newest
"""


@asynccontextmanager
async def server(url: str | None) -> AsyncIterator[str]:
    """Yield the URL of a PostgreSQL server to make databases on: the given, or our embedded one."""
    if url is not None:
        yield url
        return
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415  # wanted only where none is given

    folder = SCRATCH / "postgres"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with EmbeddedPostgres(folder, options=superuser_options(folder)) as embedded:
        yield superuser_url(embedded)


@asynccontextmanager
async def fresh_copy(server_url: str, tickets: int) -> AsyncIterator[str]:
    """Yield the URL of a database of so many tickets on which nobody has written; it goes after."""
    template = await _template(server_url, tickets)
    name = f"{template}_copy"
    async with _connected(server_url) as connection:
        await _drop(connection, name)
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        # A worker's CPU could not be counted to the peer it works for.
        await connection.execute(f"ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0")
        # What was written must not be carried out during the first measurement.
        await connection.execute("CHECKPOINT")
    try:
        yield database_url(server_url, name)
    finally:
        async with _connected(server_url) as connection:
            await _drop(connection, name)


def database_url(server_url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


async def _template(server_url: str, tickets: int) -> str:
    name = f"{_NAME}_{tickets}_{_digest()}"
    async with _connected(server_url) as connection:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return name
        for (old,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"{_NAME}_{tickets}_"
        ):
            await _drop(connection, old)
        say(f"Filling a database with {tickets:,} tickets, once")
        unfinished = f"{name}_unfinished"
        await connection.execute(f"CREATE DATABASE {unfinished}")
        await _fill(database_url(server_url, unfinished), tickets)
        await connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    return name


def _digest() -> str:
    """Return what changes with whatever a template is made by."""
    found = hashlib.sha256()
    for folder in (migrations, story):
        for path in sorted(Path(str(folder.__file__)).parent.glob("*.py")):
            found.update(path.read_bytes())
    found.update(Path(__file__).read_bytes())
    return found.hexdigest()[:8]


async def _fill(url: str, tickets: int) -> None:
    await migrate(url)
    seeded = min(tickets, SEEDED)
    await seed(url, tickets=seeded, seed=0, progress=_quiet)
    async with _connected(url) as connection:
        await connection.execute(_MOVE_LOG_ENTRIES, min(_WELL_LOGGED, tickets // 3))
        for copy in range(1, -(-tickets // SEEDED)):
            await connection.execute(_ADD_OLDER_TICKETS, copy, SEEDED)
        await connection.execute("VACUUM (ANALYZE)")


def _quiet(done: int, total: int) -> None:
    """Report nothing: it takes a minute at most."""


async def _drop(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
