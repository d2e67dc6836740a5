"""A switchover and the loss of the primary: nothing is lost, doubled or missed.

A part of `test_failover.py` for every run of CI. It asserts no duration.
"""

import asyncio

import asyncpg

from tests.cluster.nodes import Cluster
from tests.cluster.service import create_database, service
from tests.cluster.writers import Acknowledged, check, has_subscribed, writing
from tests.feed.clients import Received, follow

WRITERS = 2
# Acknowledged tickets before, between and after the failovers.
TICKETS = 10


async def test_a_switchover_and_the_loss_of_the_primary_lose_double_and_miss_nothing(
    cluster: Cluster,
) -> None:
    leader = await cluster.wait_for_roles(standbys=2)
    await create_database(cluster, leader)
    acknowledged = Acknowledged()
    received: Received = []
    async with service(cluster) as group:
        follower = asyncio.create_task(follow(group.servers, received, by_socket=True))
        await has_subscribed(group.servers, received)
        async with writing(
            group.servers, acknowledged, writers=WRITERS, tickets=TICKETS
        ) as more_tickets:
            await more_tickets()
            await cluster.switch_over()
            await cluster.wait_for_roles(standbys=2)
            await more_tickets()
            # On a slow machine, the leader can have changed, or lost its synchronous standby.
            leader = await cluster.wait_for_roles(standbys=2)
            cluster.node(leader).kill()
            await cluster.wait_for_roles(standbys=1, former=leader)
            await more_tickets()
        for worker in group.workers:
            assert await worker.stop() == 0
        connection = await asyncpg.connect(f"{cluster.hosts_url}?target_session_attrs=read-write")
        try:
            await check(connection, acknowledged, received)
        finally:
            await connection.close()
            follower.cancel()
