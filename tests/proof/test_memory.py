"""Requests without a credential cannot make memory grow: every cache is bounded."""

import hashlib
from collections.abc import Callable

import psutil
import pytest

from tests.app.http.serving import Served

ROUNDS = 100
MIB = 2**20
LONG = 25_000


def process_of(served: Served) -> psutil.Process:
    """Return the process that listens on the server's port."""
    port = int(served.url.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        for connection in child.net_connections():
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                return child
    raise AssertionError("no process of ours listens there")


def attack(served: Served, name: str) -> None:
    """Send unique values: documents, their hashes, variables, paths and headers."""
    for number in range(ROUNDS):
        unique = f"{name}{number}"
        headers = {"Accept": f"application/json,{unique}", "Accept-Encoding": f"gzip,{unique}"}
        headers |= {"X-Request-Id": unique, "Authorization": f"Bearer {unique * 100}"}
        valid = f"query {unique} {{ {unique}: __typename }}" + " " * LONG
        document = " " + valid
        sha256 = hashlib.sha256(document.encode()).hexdigest()
        for body in (
            {"query": valid},
            {
                "query": document,
                "extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256}},
            },
            {"query": f"{{ {unique} }}" + " " * LONG},
            {
                "query": "query ($v: ID!) { ticket(id: $v) { id } }",
                "variables": {"v": unique * 1000},
            },
        ):
            assert served.http.post("/graphql", json=body, headers=headers).status_code == 200
        served.http.get(f"/tickets/{unique * 1000}")


@pytest.mark.usefixtures("unchanged")
def test_repeating_the_attack_takes_no_additional_memory(
    attacked: Served, record_property: Callable[[str, str], None]
) -> None:
    process = process_of(attacked)
    attack(attacked, "a")
    before = process.memory_info().rss
    attack(attacked, "b")
    grown = (process.memory_info().rss - before) / MIB
    # The documents alone would take 7 MiB if the server kept all of them.
    assert grown < 4
    record_property(
        "figure", f"Memory: {max(grown, 0):.1f} MiB more after {ROUNDS * 5} further requests"
    )
