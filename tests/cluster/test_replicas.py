"""Reads on the standbys of a cluster, through a switchover and the loss of the primary.

All nodes are named in DATABASE_REPLICA_URL. Each caller reads the last change that was acknowledged
to it, whatever server it asks.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import asyncpg
import httpx2

from tests.cluster.nodes import WITHIN_S, Cluster
from tests.cluster.repeating_client import RepeatingClient
from tests.cluster.service import create_database, service
from tests.feed.clients import Running
from tests.ops.processes import CliProcess
from tests.replicas.callers import AUTHENTICATION, POSITION, token_of
from tests.waiting import until

CREATE = """
mutation ($key: String!) {
  createTicket(input: {
    subject: "0", description: "", customerName: "N", customerEmail: "n@example.com",
    idempotencyKey: $key
  }) { ticket { id } errors { message } }
}
"""
UPDATE = """
mutation ($id: ID!, $subject: String!) {
  updateTicket(input: {id: $id, subject: $subject}) { ticket { subject } errors { message } }
}
"""
READS = (
    "query ($id: ID!) { ticket(id: $id) { subject } }",
    "query ($id: ID!) { node(id: $id) { ... on Ticket { subject } } }",
)
# Changes of each caller before, between and after the failovers.
CHANGES = 20
READ_METRIC = 'ticketops_replica_reads_total{server="%s"} '


class Caller:
    """Changes a ticket of its own, and reads each change at the servers.

    One that sends the position of its last change uses all servers, any other one always the same.
    """

    def __init__(self, name: str, servers: Sequence[Running], *, sends_position: bool) -> None:
        self.changes = 0
        self._servers = servers
        self._client = RepeatingClient(
            servers,
            headers={"Authorization": token_of(name)},
            returned_header=POSITION if sends_position else None,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Change and read until the event is set; the last change was read."""
        async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
            created = await self._client.execute(http, CREATE, key=uuid4().hex)
            assert not created["createTicket"]["errors"], created
            ticket_id = created["createTicket"]["ticket"]["id"]
            while not stop.is_set():
                subject = str(self.changes + 1)
                updated = await self._client.execute(http, UPDATE, id=ticket_id, subject=subject)
                assert updated["updateTicket"] == {"ticket": {"subject": subject}, "errors": []}
                for document in READS:
                    for _ in self._servers:
                        read = await self._client.execute(http, document, id=ticket_id)
                        assert list(read.values()) == [{"subject": subject}], (read, subject)
                self.changes += 1


async def reads(servers: Sequence[CliProcess], kind: str) -> list[float]:
    """Return how many operations each server has run on servers of this kind."""
    prefix = READ_METRIC % kind
    found = []
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        for server in servers:
            response = await http.get(
                f"{server.url}/metrics", headers={"Authorization": token_of("metrics")}
            )
            [line] = [one for one in response.text.splitlines() if one.startswith(prefix)]
            found.append(float(line.removeprefix(prefix)))
    return found


async def checkpoint(cluster: Cluster) -> None:
    """Let the standbys show the timeline that they follow, which they else do after minutes."""
    url = cluster.hosts_url.replace("/ticketops", "/postgres")
    members = await cluster.members()
    # The leader first: a standby repeats what its log has.
    for name in sorted(members, key=lambda name: members[name] != "leader"):
        port = cluster.node(name).port
        # A node can end or begin to run meanwhile.
        with suppress(OSError, asyncpg.PostgresError):
            session = await asyncpg.connect(url, host="127.0.0.1", port=port)
            try:
                await session.execute("CHECKPOINT")
            finally:
                await session.close()


async def test_no_caller_misses_its_own_change_through_failovers(cluster: Cluster) -> None:
    leader = await cluster.wait_for_roles(standbys=2)
    await create_database(cluster, leader)
    replicas = ",".join(
        cluster.hosts_url.replace(
            ",".join(f"127.0.0.1:{one.port}" for one in cluster.nodes), f"127.0.0.1:{node.port}"
        )
        for node in cluster.nodes
    )
    stop = asyncio.Event()
    settings = AUTHENTICATION | {"DATABASE_REPLICA_URL": replicas}
    async with service(cluster, **settings) as group:
        callers = [
            Caller("1", group.servers, sends_position=True),
            Caller("2", group.servers, sends_position=True),
            *(
                Caller(f"of server {number}", [server], sends_position=False)
                for number, server in enumerate(group.servers)
            ),
        ]
        async with asyncio.TaskGroup() as running:
            for caller in callers:
                running.create_task(caller.run(stop))

            async def more_changes() -> None:
                wanted = [caller.changes + CHANGES for caller in callers]
                await until(
                    lambda: all(
                        caller.changes >= count
                        for caller, count in zip(callers, wanted, strict=True)
                    ),
                    within_s=WITHIN_S,
                )

            async def reads_on_replicas() -> None:
                """Wait until callers who make changes read on replicas, at each server."""
                await checkpoint(cluster)
                before = await reads(group.servers, "replica")

                async def has_read() -> bool:
                    await checkpoint(cluster)
                    now = await reads(group.servers, "replica")
                    return all(new > old for new, old in zip(now, before, strict=True))

                await until(has_read, within_s=WITHIN_S)

            await more_changes()
            await reads_on_replicas()
            first = await cluster.switch_over()
            second = await cluster.wait_for_roles(standbys=2, former=first)
            await more_changes()
            await reads_on_replicas()
            cluster.node(second).kill()
            await cluster.wait_for_roles(standbys=1, former=second)
            await more_changes()
            await reads_on_replicas()
            # The lost node rejoins as a standby.
            cluster.node(second).start()
            await cluster.wait_for_roles(standbys=2, former=second)
            await more_changes()
            await reads_on_replicas()
            stop.set()
        print(  # noqa: T201  # the result
            f"\nchanges: {[caller.changes for caller in callers]},"
            f" reads on replicas: {await reads(group.servers, 'replica')},"
            f" on the primary: {await reads(group.servers, 'primary')}"
        )
        for member in group.members:
            assert '"level":"error"' not in member.log_file.read_text()
