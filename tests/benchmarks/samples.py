"""What requests ask for: tickets of the database, the same ones in each run."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

# So many different requests an operation, sent in turn.
SAMPLES = 1_000
CURSORS = 50
_DEPTH = 0.9

# Words of the demo tickets; some find many of them, some few.
SEARCHES = (
    "overheats",
    "refund beacon",
    "invoice vat",
    "two-factor code",
    '"power supply"',
    "vpn or latency",
    "clicking -ember",
    "lindqvist",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A ticket's place in the list of the newest."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Ids of tickets all over the database, and places deep in the list."""

    ids: list[str]
    deep: list[Place]


async def take_samples(connection: asyncpg.Connection) -> Samples:
    """Return samples of a database."""
    ids = await connection.fetch("SELECT id FROM tickets ORDER BY md5(id) LIMIT $1", SAMPLES)
    count = await connection.fetchval("SELECT count(*) FROM tickets")
    deep = await connection.fetch(
        "SELECT created_at, id FROM tickets ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT $2",
        int(count * _DEPTH),
        CURSORS,
    )
    return Samples([row["id"] for row in ids], [Place(*row) for row in deep])
