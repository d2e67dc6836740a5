"""Answers, and the connections of the pool: one caller cannot take what others need."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.bounds.conftest import Serve
from tests.bounds.harness import MIB, Answer, Target, check

LIMIT = 16 * MIB
_LARGE = "INSERT INTO tickets (id, subject, description, customer_name, customer_email)"
# Three bytes a character, which PostgreSQL cannot compress away in the answer.
_ROWS = " SELECT 'large-' || n, 'S', repeat('€', 65536), 'N', 'n@example.com'"


@pytest.fixture
def large(target: Target) -> Iterator[Target]:
    """Have a hundred tickets with the largest descriptions."""
    target.execute(f"{_LARGE}{_ROWS} FROM generate_series(1, 100) AS n")
    yield target
    target.execute("DELETE FROM tickets")


def _aliases(count: int) -> str:
    return " ".join(f"a{number}: description" for number in range(count))


_PAGES = " ".join(
    f"p{number}: tickets(first: 99) {{ nodes {{ description }} }}" for number in range(10)
)
_PAGE = "{ tickets(first: 100) { "

HOSTILE = {
    "aliases of one column": f"{_PAGE} nodes {{ {_aliases(30)} }} }} }}",
    "a page of large columns": f"{_PAGE} nodes {{ description }} }} }}",
    "edges": f"{_PAGE} edges {{ node {{ description }} }} }} }}",
    "nodes and edges": "{ t: tickets(first: 50) { x: nodes { description }"
    " edges { node { description } } } }",
    "aliased pages": f"{{ {_PAGES} }}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_over_the_limit_is_refused_before_it_is_built(large: Target, name: str) -> None:
    with large.measured() as measuring:
        answer = large.graphql(HOSTILE[name])
    assert (answer.status, answer.code) == (200, "RESPONSE_TOO_LARGE")
    assert "16,777,216 bytes (MAX_ANSWER_BYTES)" in answer.message
    assert "description weighs most" in answer.message
    check(large, measuring.result)


def test_an_answer_within_the_limit_is_not_refused(large: Target) -> None:
    answer = large.graphql("{ tickets(first: 80) { nodes { description } } }")
    assert answer.code is None
    assert 15 * MIB < len(answer.content) < LIMIT


def test_a_rest_list_over_the_limit_is_refused(large: Target) -> None:
    with large.client() as client:
        refused = Answer.of(client.get("/tickets?limit=100"))
        assert (refused.status, refused.code) == (400, "RESPONSE_TOO_LARGE")
        assert "MAX_ANSWER_BYTES" in refused.message
        assert client.get("/tickets?limit=50").status_code == 200


@pytest.mark.parametrize("pool_size", ["1", "3", "10"])
async def test_waiting_for_one_ticket_holds_up_nobody(serve: Serve, pool_size: str) -> None:
    """Forty updates of a ticket whose lock another process has."""
    target = serve(DATABASE_POOL_SIZE=pool_size)
    created = target.graphql(
        'mutation { createTicket(input: {subject: "S", description: "D", customerName: "N",'
        ' customerEmail: "n@example.com"}) { ticket { id } } }',
        scope="read write",
    )
    ticket_id = created.content.decode().partition('"id":"')[2].partition('"')[0]
    update = f"""mutation {{ updateTicket(input: {{id: "{ticket_id}", subject: "%s"}}) {{
        ticket {{ version }} errors {{ message }} }} }}"""
    other = await asyncpg.connect(target.database_url)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(60) as threads:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", ticket_id, 0x7469636B6574
        )
        updates = [
            loop.run_in_executor(threads, partial(target.graphql, update % n, scope="read write"))
            for n in range(40)
        ]
        await asyncio.sleep(0.5)
        longest_s = await loop.run_in_executor(threads, _slowest_light_request, target)
        await transaction.rollback()
        answers = await asyncio.gather(*updates)
    await other.close()
    assert longest_s < 2
    assert [answer.code for answer in answers] == [None] * 40
    versions = sorted(
        int(a.content.decode().partition('"version":')[2][:2].strip("},")) for a in answers
    )
    assert versions == list(range(2, 42))


def test_others_are_answered_while_one_caller_uses_all_of_its_connections(serve: Serve) -> None:
    target = serve(DATABASE_POOL_SIZE="10")
    target.execute(
        f"{_LARGE} SELECT 'many-' || n, 'S', repeat(md5(n::text), 300), 'N', 'n@example.com'"
        " FROM generate_series(1, 20000) AS n"
    )
    conditions = ", ".join(f'{{description: {{containsIgnoreCase: "x{n}y"}}}}' for n in range(30))
    fields = " ".join(
        f"a{n}: tickets(first: 1, filter: {{or: [{conditions}]}}) {{ totalCount }}"
        for n in range(10)
    )
    attack = f"{{ {fields} }}"
    with ThreadPoolExecutor(20) as threads:
        attacks = [threads.submit(target.graphql, attack) for _ in range(6)]
        time.sleep(0.5)
        longest_s = _slowest_light_request(target)
        answers = [one.result() for one in attacks]
    assert longest_s < 2, [str(answer) for answer in answers]


def _slowest_light_request(target: Target) -> float:
    """Return the longest duration of a read, /readyz, and a request with an unknown API token."""
    longest_s = 0.0
    with httpx2.Client(base_url=target.url, timeout=30) as client:
        headers = target.headers("someone else")
        for number in range(5):
            calls: tuple[Any, ...] = (
                lambda: client.post(
                    "/graphql", json={"query": '{ ticket(id: "a") { id } }'}, headers=headers
                ),
                lambda: client.get("/readyz"),
                lambda n=number: client.get(
                    "/tickets", headers={"Authorization": f"Bearer ticketops_{n}"}
                ),
            )
            for call, status in zip(calls, (200, 200, 401), strict=True):
                started_s = time.monotonic()
                assert call().status_code == status
                longest_s = max(longest_s, time.monotonic() - started_s)
    return longest_s
