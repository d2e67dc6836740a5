"""etcd, Patroni nodes and HAProxy on loopback ports, with the configuration of `deploy/ha`."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from app.database.programs import account_for
from tests.app.programs import wait_for
from tests.docs.markdown import ROOT
from tests.ops.processes import free_port

__all__ = ["Cluster", "Node", "running_cluster"]

CONFIGURATION = ROOT / "deploy" / "ha"
NAMES = ("db1", "db2", "db3")
PASSWORD = "secret"  # noqa: S105  # of a temporary cluster
WITHIN_S = 300
STOP_TIMEOUT_S = 60


@dataclass
class Node:
    """A Patroni with its PostgreSQL."""

    name: str
    folder: Path
    port: int
    restapi_port: int
    etcd_port: int
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `deploy/ha/patroni.env`."""
        shipped = [
            line.partition("=")[0]
            for line in (CONFIGURATION / "patroni.env").read_text().splitlines()
            if not line.startswith("#")
        ]
        values = {
            "PATRONI_NAME": self.name,
            "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{self.etcd_port}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.restapi_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.restapi_port}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.folder / "data"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(self.programs),
            "PATRONI_POSTGRESQL_PGPASS": str(self.folder / "pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": PASSWORD,
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": PASSWORD,
            "PATRONI_REWIND_USERNAME": "rewind",
            "PATRONI_REWIND_PASSWORD": PASSWORD,
        }
        assert set(shipped) == set(values)
        return values

    def start(self) -> None:
        """Start Patroni, which starts PostgreSQL. Neither runs as root."""
        account = account_for(self.folder / "data")
        as_account: dict[str, Any] = {}
        if account is not None:
            os.chown(self.folder, account.uid, account.gid)
            as_account = {"user": account.uid, "group": account.gid, "extra_groups": []}
        self.folder.chmod(0o700)
        program = shutil.which("patroni")
        assert program is not None
        with (self.folder.parent / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, CONFIGURATION / "patroni.yml"],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_account,
            )

    def check(self) -> None:
        """Fail if Patroni has ended by itself."""
        if self.process is not None:
            log = self.folder.parent / f"{self.name}.log"
            assert self.process.poll() is None, log.read_text()[-5000:]

    def kill(self) -> None:
        """Kill Patroni and PostgreSQL, as the loss of the machine does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
            self.process = None
        killed = self._postgres()
        _send(killed, signal.SIGKILL)
        psutil.wait_procs(killed, timeout=STOP_TIMEOUT_S)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the machine during the block: its connections stay open, and nothing answers."""
        assert self.process is not None
        processes = [psutil.Process(self.process.pid), *self._postgres()]
        _send(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _send(processes, signal.SIGCONT)

    def _postgres(self) -> list[psutil.Process]:
        try:
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            postmaster = psutil.Process(pid)
            return [postmaster, *postmaster.children(recursive=True)]
        except (FileNotFoundError, psutil.NoSuchProcess):
            return []


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        # A process of PostgreSQL can end by itself.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@dataclass
class Cluster:
    """The nodes, and the URLs of their database."""

    nodes: Sequence[Node]
    haproxy_port: int
    log_folder: Path

    @property
    def haproxy_url(self) -> str:
        """The URL of the database through HAProxy."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.haproxy_port}/ticketops"

    @property
    def hosts_url(self) -> str:
        """The URL of the database with all hosts."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres:{PASSWORD}@{hosts}/ticketops"

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        [found] = [node for node in self.nodes if node.name == name]
        return found

    async def members(self) -> dict[str, str]:
        """Return the role of each running member by its name, as a node reports them."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            for node in self.nodes:
                with suppress(httpx2.TransportError):
                    response = await http.get(f"http://127.0.0.1:{node.restapi_port}/cluster")
                    return {
                        member["name"]: member["role"]
                        for member in response.json()["members"]
                        if member["state"] in {"running", "streaming"}
                    }
        return {}

    async def wait_for_roles(self, *, standbys: int, former: str | None = None) -> str:
        """Wait until there is a leader, a synchronous standby, and this many standbys in all.

        Return the name of the leader, which is not the former one.
        """
        async with asyncio.timeout(WITHIN_S):
            while True:
                for node in self.nodes:
                    node.check()
                members = await self.members()
                roles = list(members.values())
                leaders = [name for name, role in members.items() if role == "leader"]
                if (
                    len(leaders) == 1
                    and leaders[0] != former
                    and "sync_standby" in roles
                    and len(roles) == standbys + 1
                ):
                    return leaders[0]
                await asyncio.sleep(0.5)

    async def switch_over(self) -> str:
        """Make the synchronous standby the leader; return the name of the former leader."""
        async with asyncio.timeout(WITHIN_S), httpx2.AsyncClient(timeout=60) as http:
            while True:
                members = await self.members()
                names = {role: name for name, role in members.items()}
                if {"leader", "sync_standby"} <= names.keys():
                    leader, candidate = names["leader"], names["sync_standby"]
                    response = await http.post(
                        f"http://127.0.0.1:{self.node(leader).restapi_port}/switchover",
                        content=json.dumps({"leader": leader, "candidate": candidate}),
                    )
                    if response.is_success:
                        return leader
                    # Patroni refuses it while it does not yet know enough of the candidate.
                    print(f"switchover refused: {response.text}", file=sys.stderr)  # noqa: T201
                await asyncio.sleep(1)


@contextmanager
def _running(
    command: Sequence[str | Path], log_file: Path, port: int, **environ: str
) -> Iterator[None]:
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **environ}, start_new_session=True
        )
    try:
        wait_for(port, process, log_file)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_TIMEOUT_S)


def _etcd(folder: Path, port: int) -> AbstractContextManager[None]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    command: list[str | Path] = [
        *("etcd", "--data-dir", folder / "etcd", "--name", "one"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"one={peer}"),
    ]
    return _running(command, folder / "etcd.log", port)


def _haproxy(folder: Path, port: int, nodes: Sequence[Node]) -> AbstractContextManager[None]:
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    environ = {"PRIMARY_LISTEN": f"127.0.0.1:{port}"}
    for node in nodes:
        name = node.name.upper()
        environ[name] = f"127.0.0.1:{node.port}"
        environ[f"{name}_RESTAPI_PORT"] = str(node.restapi_port)
    command: list[str | Path] = [program, "-db", "-f", CONFIGURATION / "haproxy.cfg"]
    return _running(command, folder / "haproxy.log", port, **environ)


def _new_nodes(folder: Path, etcd_port: int, programs: Path) -> list[Node]:
    # The nodes run as another account.
    folder.chmod(0o711)
    nodes = []
    for name in NAMES:
        (folder / name).mkdir()
        nodes.append(Node(name, folder / name, free_port(), free_port(), etcd_port, programs))
    return nodes


@asynccontextmanager
async def running_cluster(folder: Path, programs: Path) -> AsyncIterator[Cluster]:
    """Run three nodes with PostgreSQL of these programs until the end of the block."""
    etcd_port, haproxy_port = free_port(), free_port()
    nodes = _new_nodes(folder, etcd_port, programs)
    cluster = Cluster(nodes, haproxy_port, folder)
    async with AsyncExitStack() as running:
        running.enter_context(_etcd(folder, etcd_port))
        running.enter_context(_haproxy(folder, haproxy_port, nodes))
        for node in nodes:
            running.callback(node.kill)
            node.start()
        await cluster.wait_for_roles(standbys=len(nodes) - 1)
        yield cluster
