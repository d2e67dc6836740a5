"""The previous release runs with the schema of the next one, under load, and back again."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.app.service import TICKETOPS, environment
from tests.clients.previous_release import NEXT_VERSION, next_release, previous_release
from tests.clients.proxies import proxied
from tests.clients.rolling import CREATE, PHASE_TIMEOUT_S, Load, Server, ask
from tests.docs.tree import Tree
from tests.feed.clients import Received, follow
from tests.waiting import wait_until

UPDATE = """
    mutation ($id: ID!) {
      updateTicket(input: { id: $id, status: RESOLVED, metadataPatch: { a: 1 } }) {
        ticket { version } errors { message }
      }
    }
"""
SEND = "mutation ($id: ID!) { sendToOps(input: { ticketId: $id }) { ticket { id } } }"
READ = """
    query ($id: ID!) {
      ticket(id: $id) { history(first: 1) { nodes { cursor type ticketId } } }
      tickets(filter: { status: { eq: RESOLVED } }, first: 5) { nodes { id opsState } }
      logEntries(first: 2) { nodes { action } }
    }
"""


class Tickets:
    """Work on new tickets, and which events it has caused."""

    def __init__(self) -> None:
        self.changed: set[tuple[str, str]] = set()

    def change(self, http: httpx2.Client) -> None:
        """Create, change, read and send a ticket."""
        ticket_id = ask(http, CREATE)["createTicket"]["ticket"]["id"]
        self.changed.add((ticket_id, "CREATED"))
        updated = ask(http, UPDATE, id=ticket_id)["updateTicket"]
        assert updated == {"ticket": {"version": 2}, "errors": []}
        self.changed.add((ticket_id, "UPDATED"))
        assert ask(http, READ, id=ticket_id)["ticket"]
        assert ask(http, SEND, id=ticket_id)["sendToOps"]["ticket"] == {"id": ticket_id}


def migrate(tree: Tree, database_url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TICKETOPS, "migrate", *flags],
        cwd=tree.folder,
        env=environment({"DATABASE_URL": database_url, **tree.settings}),
        capture_output=True,
        text=True,
        timeout=PHASE_TIMEOUT_S,
        check=False,
    )


@contextmanager
def followers(
    loop: asyncio.AbstractEventLoop, servers: list[Server], event: dict[str, Any]
) -> Iterator[list[Received]]:
    """Follow the events after one, over both transports, on the event loop of the test."""
    received: list[Received] = [[event], [event]]
    following = [
        asyncio.run_coroutine_threadsafe(follow(servers, one, by_socket=by_socket), loop)
        for one, by_socket in zip(received, (True, False), strict=True)
    ]
    try:
        yield received
        assert not any(one.done() for one in following)
    finally:
        for one in following:
            one.cancel()


async def test_the_previous_release_runs_with_the_next_schema_and_back(
    tmp_path: Path, empty_database_url: str
) -> None:
    """Everything but the followers blocks, in a thread."""
    await asyncio.to_thread(
        upgrade_and_back, asyncio.get_running_loop(), tmp_path, empty_database_url
    )


def upgrade_and_back(loop: asyncio.AbstractEventLoop, tmp_path: Path, database_url: str) -> None:
    previous = previous_release(tmp_path / "previous")
    following = next_release(tmp_path / "next")
    servers = [
        Server(database_url, tmp_path / f"server{number}.log", tree=previous) for number in (0, 1)
    ]
    tickets = Tickets()
    with ExitStack() as cleanup:
        for server in servers:
            cleanup.callback(server.close)
            server.start(workers=1)
        url = cleanup.enter_context(proxied("haproxy.cfg", tmp_path, *(one.url for one in servers)))
        with httpx2.Client(base_url=url, timeout=PHASE_TIMEOUT_S) as http:
            first = ask(http, CREATE)["createTicket"]["ticket"]["id"]
            [event] = ask(http, READ, id=first)["ticket"]["history"]["nodes"]
        received = cleanup.enter_context(followers(loop, servers, event))
        load = Load(url, tickets.change, amount=20)

        def replace(server: Server, tree: Tree) -> None:
            assert server.stop() == 0, server.log_file.read_text()
            load.wait_for_requests()
            server.tree = tree
            server.start(workers=1)
            server.wait_for_requests(load)

        with load.running():
            load.wait_for_requests()
            check = migrate(following, database_url, "--check")
            assert (check.returncode, check.stderr) == (1, "")
            assert "Servers can be replaced one at a time, and replaced back." in check.stdout
            # While servers of the previous release work.
            done = migrate(following, database_url)
            assert done.returncode == 0, done.stderr
            assert f"Applied {NEXT_VERSION}" in done.stdout
            load.wait_for_requests()
            replace(servers[0], following)
            assert NEXT_VERSION in servers[0].log_file.read_text()
            # A restart of the previous release, then the upgrade is rolled back.
            for server in reversed(servers):
                replace(server, previous)
                assert "database newer than this program" in server.log_file.read_text()
        assert load.failures == []

        def has_all(one: Received) -> bool:
            events = {(event["ticketId"], event["type"]) for event in one}
            return tickets.changed <= events

        for one in received:
            wait_until(lambda one=one: has_all(one), within_s=PHASE_TIMEOUT_S)  # type: ignore[misc]
