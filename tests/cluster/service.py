"""Two servers and a worker on a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx2

from tests.cluster.nodes import WITHIN_S, Cluster
from tests.ops.processes import CliProcess, ProcessGroup

__all__ = ["create_database", "service"]


async def create_database(cluster: Cluster, leader: str) -> None:
    url = cluster.hosts_url.replace("/ticketops", "/postgres")
    connection = await asyncpg.connect(url, port=cluster.node(leader).port, host="127.0.0.1")
    try:
        await connection.execute("CREATE DATABASE ticketops")
    finally:
        await connection.close()


@asynccontextmanager
async def service(cluster: Cluster, **settings: str) -> AsyncIterator[ProcessGroup]:
    """Run one server through HAProxy, another with all hosts, and a worker."""
    environ = {
        "AUTH": "off",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "warning",
        "DELIVERY_WORKER": "false",
        "OPS_SIM_LATENCY_MS": "0",
        **settings,
    }
    servers = [
        CliProcess("serve", {**environ, "DATABASE_URL": url}, cluster.log_folder / f"{name}.log")
        for name, url in (("haproxy-server", cluster.haproxy_url), ("server", cluster.hosts_url))
    ]
    worker_environ = {**environ, "DATABASE_URL": cluster.hosts_url}
    worker = CliProcess("worker", worker_environ, cluster.log_folder / "worker.log")
    group = ProcessGroup(servers, [worker])
    async with AsyncExitStack() as running:
        for member in group.members:
            running.push_async_callback(member.kill)
            await member.start()
        async with asyncio.timeout(WITHIN_S), httpx2.AsyncClient(trust_env=False) as http:
            for server in servers:
                while not await _is_ready(http, server):  # noqa: ASYNC110  # only visible from outside
                    await asyncio.sleep(0.1)
        yield group


async def _is_ready(http: httpx2.AsyncClient, server: CliProcess) -> bool:
    assert not server.has_ended, server.log_file.read_text()
    try:
        return (await http.get(f"{server.url}/readyz")).is_success
    except httpx2.TransportError:
        return False
