"""The programs that the tests of the cluster need."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.database.programs import account_for
from tests.cluster.nodes import Cluster, running_cluster
from tests.installed_postgres import DEFAULT_BIN

# Patroni 3.0 of Debian 12 did not finish some demotions.
OLDEST_PATRONI = 4


def missing_program() -> str | None:
    """Return the reason why the cluster cannot run here, None if it can."""
    if "TEST_CLUSTER" not in os.environ:
        return "part of make test-cluster"
    if shutil.which("etcd") is None:
        return "no etcd on this machine (on Debian: apt install etcd-server)"
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        return "no haproxy on this machine (on Debian: apt install haproxy)"
    return _missing_patroni()


def _missing_patroni() -> str | None:
    hint = "pip install 'patroni[etcd3]' psycopg-binary"
    patroni = shutil.which("patroni")
    if patroni is None:
        return f"no patroni on PATH ({hint})"
    # As the account that runs the nodes.
    account = account_for(Path("/nonexistent"))
    try:
        version = subprocess.run(
            [patroni, "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the account of the nodes cannot run {patroni}: {error}"
    found = re.search(r"(\d+)\.", version)
    if found is None or int(found[1]) < OLDEST_PATRONI:
        return f"{version.strip()} is older than {OLDEST_PATRONI} ({hint})"
    return None


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Run a cluster of three nodes; skip the test if a program is missing."""
    reason = missing_program()
    programs = Path(os.environ.get("POSTGRES_BIN") or DEFAULT_BIN)
    if reason is None and not (programs / "initdb").exists():
        reason = f"no PostgreSQL in {programs} (on Debian 12: apt install postgresql-15)"
    if reason is not None:
        pytest.skip(reason)
    # Not TMPDIR, because the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="ticketops-", dir="/tmp") as folder:
        async with running_cluster(Path(folder), programs) as cluster:
            yield cluster
