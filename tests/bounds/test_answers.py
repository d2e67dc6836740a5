"""Answers, and the connections of the pool: one caller cannot take what others need."""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import asyncpg
import httpx2
import pytest

from tests.bounds.conftest import Serve
from tests.bounds.harness import MIB, Answer, Target, check
from tests.waiting import until

LIMIT = 16 * MIB
# Longer than the tests take, so that a request ends because of what it waits for.
UNLIMITED_MS = "600000"
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
    """Forty updates of a ticket whose lock another process has.

    They cannot end before it ends its transaction. A request that waited for them would fail.
    """
    target = serve(DATABASE_POOL_SIZE=pool_size, REQUEST_TIMEOUT_MS=UNLIMITED_MS)
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
        async with other.transaction():
            await other.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", ticket_id, 0x7469636B6574
            )
            updates = [
                loop.run_in_executor(
                    threads, partial(target.graphql, update % n, scope="read write")
                )
                for n in range(40)
            ]
            # One of them waits in PostgreSQL from time to time, and the others for it.
            await until(partial(_have_waiting, target, 1))
            await loop.run_in_executor(threads, _check_light_requests, target)
            assert not any(update.done() for update in updates)
        answers = await asyncio.gather(*updates)
    await other.close()
    assert [answer.code for answer in answers] == [None] * 40
    versions = sorted(
        int(a.content.decode().partition('"version":')[2][:2].strip("},")) for a in answers
    )
    assert versions == list(range(2, 42))


async def test_others_are_answered_while_one_caller_uses_all_of_its_connections(
    serve: Serve,
) -> None:
    await _attack(serve, hostile={"mallory": 7})


async def test_others_are_answered_while_two_callers_use_all_connections_that_they_may(
    serve: Serve,
) -> None:
    await _attack(serve, hostile={"mallory": 7, "trudy": 2})


async def _attack(serve: Serve, *, hostile: Mapping[str, int]) -> None:
    """Check that others are answered while callers have so many statements, which do not end.

    Each sends requests for more. The statements wait for a lock, so that what the others need does
    not depend on the speed of the machine: they would fail if they waited for the statements.
    """
    # Deliveries would wait for the lock, too.
    target = serve(
        DATABASE_POOL_SIZE="10", REQUEST_TIMEOUT_MS=UNLIMITED_MS, DELIVERY_WORKER="false"
    )
    fields = " ".join(f"a{n}: logEntries(first: {n + 1}) {{ nodes {{ id }} }}" for n in range(10))
    lock = await asyncpg.connect(target.database_url)
    loop = asyncio.get_running_loop()
    attacks: list[asyncio.Future[Answer]] = []
    with ThreadPoolExecutor(60) as threads:
        async with lock.transaction():
            await lock.execute("LOCK TABLE log_entries IN ACCESS EXCLUSIVE MODE")
            expected = 0
            for caller, statements in hostile.items():
                expected += statements
                attacks += [
                    loop.run_in_executor(
                        threads, partial(target.graphql, f"{{ {fields} }}", caller=caller)
                    )
                    for _ in range(6)
                ]
                await until(partial(_have_waiting, target, expected))
            await loop.run_in_executor(threads, _check_light_requests, target)
            assert _have_waiting(target, expected)
        # Those that waited for a share of their caller may have been refused.
        answers = await asyncio.gather(*attacks)
    await lock.close()
    assert {answer.code for answer in answers} <= {None, "SERVICE_UNAVAILABLE"}


def _have_waiting(target: Target, number: int) -> bool:
    """Return whether so many statements of the server wait for a lock."""
    [row] = target.execute(
        "SELECT count(*) AS waiting FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(row["waiting"] == number)


def _check_light_requests(target: Target) -> None:
    """Check a read, /readyz, and a request with an unknown API token, of another caller."""
    with httpx2.Client(base_url=target.url, timeout=120) as client:
        headers = target.headers("someone else")
        body = {"query": '{ ticket(id: "a") { id } }'}
        for number in range(5):
            assert client.post("/graphql", json=body, headers=headers).json() == {
                "data": {"ticket": None}
            }
            assert client.get("/readyz").status_code == 200
            unknown = {"Authorization": f"Bearer ticketops_{number}"}
            assert client.get("/tickets", headers=unknown).status_code == 401
