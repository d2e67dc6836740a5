"""An administrator ends random sessions of PostgreSQL while clients read and write.

No request fails with an internal error. Repeated until it succeeds, each change is made once.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson

from app.database.migrations import migrate
from tests.feed.servers import serve

CREATE = """
    mutation ($key: String!) {
      createTicket(input: {
        idempotencyKey: $key, subject: "Killed sessions", description: "",
        customerName: "N", customerEmail: "n@example.com"
      }) { ticket { id } errors { message } }
    }
"""
UPDATE = """
    mutation ($id: ID!, $number: JSON!) {
      updateTicket(input: {id: $id, metadataPatch: $number}) {
        ticket { id } errors { message }
      }
    }
"""
READ = """
    {
      tickets(first: 20, filter: {search: "killed"}) {
        totalCount nodes { id version history(last: 2) { nodes { type } } }
      }
    }
"""
KILL = """
    SELECT count(pg_terminate_backend(pid))
    FROM (
        SELECT pid
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'
        ORDER BY random()
        LIMIT 1
    ) AS one
"""
TICKETS = """
    SELECT
        tickets.id,
        tickets.version,
        tickets.metadata,
        (SELECT count(*) FROM ticket_events WHERE ticket_id = tickets.id) AS events
    FROM tickets
"""
WRITERS = 4
TICKETS_PER_WRITER = 8
UPDATES = 3
KILLS = 40
RETRY_S = 0.02
UNAVAILABLE = "SERVICE_UNAVAILABLE"


@dataclass
class Load:
    """Requests to one server, and the codes of those that were not served."""

    http: httpx2.AsyncClient
    created: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)

    async def execute(self, query: str, **variables: Any) -> Any:
        """Execute an operation, again while the database is unavailable, and return its data."""
        body = {"query": query, "variables": variables}
        while True:
            answer = (await self.http.post("/graphql", json=body)).json()
            if "errors" not in answer:
                return answer["data"]
            codes = {error["extensions"]["code"] for error in answer["errors"]}
            assert codes == {UNAVAILABLE}, answer
            self.codes |= codes
            await asyncio.sleep(RETRY_S)

    async def write(self, writer: int) -> None:
        """Create tickets, and update each of them."""
        for number in range(TICKETS_PER_WRITER):
            data = await self.execute(CREATE, key=f"{writer}-{number}")
            ticket_id = data["createTicket"]["ticket"]["id"]
            self.created.add(ticket_id)
            for update in range(UPDATES):
                data = await self.execute(UPDATE, id=ticket_id, number={str(update): update})
                assert data["updateTicket"] == {"ticket": {"id": ticket_id}, "errors": []}

    async def read(self) -> None:
        """Read over both APIs, again and again."""
        while True:
            await self.execute(READ)
            response = await self.http.get("/tickets", params={"limit": "20"})
            if response.status_code != 200:
                assert response.status_code == 503, response.text
                assert response.json()["code"] == UNAVAILABLE
                assert "retry-after" in response.headers
                self.codes.add(UNAVAILABLE)
                await asyncio.sleep(RETRY_S)


async def _kill_sessions(connection: asyncpg.Connection) -> None:
    killed = 0
    while killed < KILLS:
        killed += await connection.fetchval(KILL)
        await asyncio.sleep(RETRY_S)


def _logged_errors(folder: Path) -> set[tuple[str, int | None]]:
    """Return the messages of the errors in the log, with the status of a response."""
    [log_file] = folder.glob("*.log")
    events = [orjson.loads(line) for line in log_file.read_text().splitlines()]
    errors = [event for event in events if event["level"] == "error"]
    return {(event["message"], event.get("status")) for event in errors}


async def test_no_change_is_lost_or_made_twice_while_random_sessions_are_killed(
    empty_database_url: str, tmp_path: Path
) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    try:
        async with (
            serve(empty_database_url, tmp_path) as server,
            httpx2.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as http,
        ):
            load = Load(http)
            readers = [asyncio.create_task(load.read()) for _ in range(2)]
            await asyncio.gather(
                _kill_sessions(connection), *(load.write(writer) for writer in range(WRITERS))
            )
            for reader in readers:
                assert not reader.done(), reader.exception()
                reader.cancel()
            await asyncio.wait(readers)
        rows = await connection.fetch(TICKETS)
    finally:
        await connection.close()
    assert len(rows) == WRITERS * TICKETS_PER_WRITER
    assert {row["id"] for row in rows} == load.created
    for row in rows:
        assert (row["version"], row["events"]) == (1 + UPDATES, 1 + UPDATES)
        assert orjson.loads(row["metadata"]) == {str(update): update for update in range(UPDATES)}
    # The log of requests has those that were answered with 503 as errors.
    assert _logged_errors(tmp_path) <= {("request", 503)}
