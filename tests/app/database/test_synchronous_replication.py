"""Synchronous replication: what is not replicated is neither visible nor confirmed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest

from app.config.settings import Settings
from app.database.embedded import EmbeddedPostgres
from app.database.ready import check_sessions
from tests.app.database.synchronous import Administrator, administrator_of, synchronous_postgres
from tests.app.http.serving import Served, served
from tests.feed.readers import connected
from tests.postgres_crash import crash
from tests.superuser import superuser_url

TICKET = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}
INPUT = '{subject: "S", description: "D", customerName: "N", customerEmail: "n@example.com"%s}'
CHOSEN_ID = ', id: "ID-2"'
SETTINGS = {
    "REQUEST_TIMEOUT_MS": "1000",
    "DATABASE_POOL_SIZE": "8",
    "LOG_LEVEL": "info",
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with synchronous_postgres() as postgres:
        yield postgres


@pytest.fixture
async def administrator(postgres: EmbeddedPostgres) -> AsyncIterator[Administrator]:
    async with administrator_of(postgres) as administrator:
        yield administrator


@pytest.fixture(scope="module")
def shared_server(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("shared") / "log", postgres.url, **SETTINGS) as server:
        yield server


@pytest.fixture
def server(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "log", postgres.url, **SETTINGS) as server:
        yield server


def create(server: Served, **headers: str) -> httpx2.Response:
    return server.http.post("/tickets", json=TICKET, headers=headers)


def graphql(server: Served, document: str) -> httpx2.Response:
    return server.http.post("/graphql", json={"query": document})


def is_timeout(response: httpx2.Response) -> bool:
    """Return whether the response says that the time limit was reached."""
    if response.headers["Content-Type"].startswith("application/problem"):
        return response.status_code == 504 and response.json()["code"] == "TIMEOUT"
    content = response.json()
    return "errors" in content and content["errors"][0]["extensions"]["code"] == "TIMEOUT"


def mutate(field: str, fields: str) -> Callable[[Served, str], httpx2.Response]:
    return lambda server, id: graphql(  # noqa: A006  # the name of the field
        server, f"mutation {{ {field.replace('ID', id)} {{ {fields} }} }}"
    )


# By name, a change of a ticket, and a statement that is true when it is visible.
CHANGES: dict[str, tuple[Callable[[Served, str], httpx2.Response], str]] = {
    "createTicket": (
        mutate(f"createTicket(input: {INPUT % ''})", "ticket { id }"),
        "SELECT count(*) > 1 FROM tickets WHERE $1 <> ''",
    ),
    "createTicket with an id": (
        mutate(f"createTicket(input: {INPUT % CHOSEN_ID})", "ticket { id }"),
        "SELECT count(*) = 1 FROM tickets WHERE id = $1 || '-2'",
    ),
    "updateTicket": (
        mutate('updateTicket(input: {id: "ID", subject: "T"})', "ticket { id }"),
        "SELECT subject = 'T' FROM tickets WHERE id = $1",
    ),
    "updateTicket of long texts": (
        mutate('updateTicket(input: {id: "ID", subject: "T", metadata: null})', "ticket { id }"),
        "SELECT subject = 'T' FROM tickets WHERE id = $1",
    ),
    "deleteTicket": (
        mutate('deleteTicket(input: {id: "ID"})', "deletedId"),
        "SELECT count(*) = 0 FROM tickets WHERE id = $1",
    ),
    "sendToOps": (
        mutate('sendToOps(input: {ticketId: "ID"})', "delivery { id }"),
        "SELECT count(*) = 1 FROM ops_deliveries WHERE ticket_id = $1",
    ),
    "POST /tickets": (
        lambda server, _: create(server),
        "SELECT count(*) > 1 FROM tickets WHERE $1 <> ''",
    ),
    "PUT /tickets/{id}": (
        lambda server, id: server.http.put(f"/tickets/{id}", json={"subject": "T"}),  # noqa: A006
        "SELECT subject = 'T' FROM tickets WHERE id = $1",
    ),
    "DELETE /tickets/{id}": (
        lambda server, id: server.http.delete(f"/tickets/{id}"),  # noqa: A006
        "SELECT count(*) = 0 FROM tickets WHERE id = $1",
    ),
    "POST /api/ops/{id}": (
        lambda server, id: server.http.post(f"/api/ops/{id}"),  # noqa: A006
        "SELECT count(*) = 1 FROM ops_deliveries WHERE ticket_id = $1",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_that_is_not_replicated_times_out_and_stays_invisible(
    administrator: Administrator, shared_server: Served, name: str
) -> None:
    server = shared_server
    change, is_visible = CHANGES[name]
    await administrator.session.execute("DELETE FROM tickets")
    ticket = create(server).json()["id"]
    assert not await administrator.session.fetchval(is_visible, ticket)
    await administrator.stall()
    assert is_timeout(await asyncio.to_thread(change, server, ticket))
    await administrator.waiting(1)
    assert not await administrator.session.fetchval(is_visible, ticket)
    await administrator.resume()
    await administrator.until(is_visible, ticket)
    assert create(server).status_code == 201
    assert "not replicated" not in server.log_text()
    assert "Traceback" not in server.log_text()


# Each makes a call with an idempotency key, and returns the id of its result; None if it timed out.
def created_by_rest(server: Served, key: str, _: str = "") -> str | None:
    response = create(server, **{"Idempotency-Key": key})
    return None if is_timeout(response) else str(response.json()["id"])


def created_by_graphql(server: Served, key: str, _: str = "") -> str | None:
    fields = INPUT % f', idempotencyKey: "{key}"'
    response = graphql(
        server, f"mutation {{ createTicket(input: {fields}) {{ ticket {{ id }} }} }}"
    )
    if is_timeout(response):
        return None
    return str(response.json()["data"]["createTicket"]["ticket"]["id"])


def sent_by_rest(server: Served, key: str, ticket: str) -> str | None:
    response = server.http.post(f"/api/ops/{ticket}", headers={"Idempotency-Key": key})
    return None if is_timeout(response) else str(response.json()["delivery"]["id"])


def sent_by_graphql(server: Served, key: str, ticket: str) -> str | None:
    arguments = f'input: {{ticketId: "{ticket}", idempotencyKey: "{key}"}}'
    response = graphql(server, f"mutation {{ sendToOps({arguments}) {{ delivery {{ id }} }} }}")
    if is_timeout(response):
        return None
    return str(response.json()["data"]["sendToOps"]["delivery"]["id"])


_Call: TypeAlias = Callable[[Served, str, str], str | None]
KEYED = [created_by_rest, created_by_graphql, sent_by_rest, sent_by_graphql]


@pytest.mark.parametrize("call", KEYED)
async def test_a_repetition_is_confirmed_only_when_the_change_is_replicated(
    administrator: Administrator, shared_server: Served, call: _Call
) -> None:
    server = shared_server
    ticket = create(server).json()["id"]
    key = call.__name__
    await administrator.stall()
    for _ in range(3):
        assert await asyncio.to_thread(call, server, key, ticket) is None
    await administrator.resume()
    result = await asyncio.to_thread(call, server, key, ticket)
    assert result is not None
    assert call(server, key, ticket) == result
    table = "tickets" if key.startswith("created") else "ops_deliveries"
    rows = await administrator.session.fetch(
        "SELECT result_id FROM idempotency_keys WHERE key = $1", key
    )
    assert [row["result_id"] for row in rows] == [result]
    assert (
        await administrator.session.fetchval(f"SELECT count(*) FROM {table} WHERE id = $1", result)
        == 1
    )


@pytest.mark.parametrize("call", KEYED)
async def test_a_commit_that_is_only_local_is_not_confirmed(
    administrator: Administrator, server: Served, call: _Call
) -> None:
    """An administrator ends the wait, and the change becomes visible."""
    ticket = create(server).json()["id"]
    key = f"{call.__name__} locally"
    is_local = "SELECT count(*) = 1 FROM idempotency_keys WHERE key = $1"
    await administrator.stall()
    for cancel in ("pg_cancel_backend", "pg_terminate_backend"):
        calling = asyncio.create_task(
            asyncio.to_thread(attempt, call, server, f"{key} {cancel}", ticket)
        )
        [pid] = await administrator.waiting(1)
        await administrator.session.execute(f"SELECT {cancel}({pid})")
        assert await calling is None
        await administrator.until(is_local, f"{key} {cancel}")
        # The repetition finds the change, and waits until it is replicated.
        assert await asyncio.to_thread(call, server, f"{key} {cancel}", ticket) is None
        await administrator.resume()
        result = await asyncio.to_thread(call, server, f"{key} {cancel}", ticket)
        assert result is not None
        await administrator.stall()
    assert len([line for line in server.log() if line["message"] == "commit not replicated"]) == 2


def attempt(call: _Call, server: Served, key: str, ticket: str) -> str | None:
    """Make a call that may end with 503."""
    try:
        return call(server, key, ticket)
    except (KeyError, TypeError):
        return None


async def test_after_a_crash_a_repetition_waits_for_the_standby(
    postgres: EmbeddedPostgres, server: Served
) -> None:
    """A restart makes a commit visible that was not replicated."""
    async with connected(superuser_url(postgres.url)) as session:
        administrator = Administrator(session)
        await administrator.stall()
        assert await asyncio.to_thread(created_by_rest, server, "crash") is None
        await administrator.waiting(1)
        await crash(postgres)
    postgres.stop()
    await asyncio.to_thread(postgres.start)
    async with administrator_of(postgres) as administrator:
        await administrator.until("SELECT count(*) = 1 FROM idempotency_keys WHERE key = 'crash'")
        # Sessions that ended are noticed one by one.
        answered = await asyncio.to_thread(until_available, server, "crash")
        assert is_timeout(answered)
        await administrator.resume()
        result = await asyncio.to_thread(created_by_rest, server, "crash")
        assert await administrator.session.fetchval(
            "SELECT result_id = $1 FROM idempotency_keys WHERE key = 'crash'", result
        )


def until_available(server: Served, key: str) -> httpx2.Response:
    """Repeat a request until its response is not 503."""
    deadline = time.monotonic() + 20
    while (response := create(server, **{"Idempotency-Key": key})).status_code == 503:
        assert time.monotonic() < deadline, response.text
    return response


async def test_waiting_changes_are_bounded_and_leave_connections_for_reads(
    administrator: Administrator, server: Served
) -> None:
    ticket = create(server).json()["id"]
    await administrator.stall()
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as http:
        # More than the pool has connections, from the moment in which commits stall.
        made = await asyncio.gather(*(http.post("/tickets", json=TICKET) for _ in range(30)))
        assert {response.status_code for response in made} <= {503, 504}
        # Each has a connection of the pool, of the reserve, or in addition to both.
        assert len(await administrator.waiting(1)) <= 2 * (8 + 2)
        await asyncio.to_thread(server.wait_for_text, "commits not confirmed")
        waiting = len(await administrator.waiting())
        refused = await asyncio.gather(*(http.post("/tickets", json=TICKET) for _ in range(30)))
        assert {response.status_code for response in refused} == {503}
        [detail] = {response.json()["detail"] for response in refused}
        assert "DATABASE_POOL_SIZE (8)" in detail
        assert len(await administrator.waiting()) == waiting
        read = await asyncio.gather(*(http.get(f"/tickets/{ticket}") for _ in range(30)))
        assert {response.status_code for response in read} == {200}
        metrics = (await http.get("/metrics")).text
        assert f"ticketops_database_unconfirmed_commits {waiting}.0" in metrics
    await administrator.resume()
    await administrator.until(f"SELECT count(*) >= {waiting} FROM tickets")
    await asyncio.to_thread(server.wait_for_text, "commits confirmed again")
    assert create(server).status_code == 201
    assert "ticketops_database_unconfirmed_commits 0.0" in server.http.get("/metrics").text
    [line] = [line for line in server.log() if line["message"] == "commits not confirmed"]
    assert "synchronous_standby_names" in line["advice"]


async def test_the_end_of_a_server_cancels_no_commit(
    administrator: Administrator, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await administrator.session.execute("DELETE FROM tickets")
    settings = SETTINGS | {"REQUEST_TIMEOUT_MS": "3000"}
    with served(tmp_path / "log", postgres.url, **settings) as server:
        await administrator.stall()
        calls = [asyncio.create_task(asyncio.to_thread(end_of_call, server)) for _ in range(3)]
        await administrator.waiting(3)
        with served(tmp_path / "other", postgres.url, **SETTINGS) as other:
            assert await asyncio.to_thread(created_by_rest, other, "end") is None
            await administrator.waiting(4)
    await asyncio.gather(*calls)
    assert len(await administrator.waiting()) == 4
    assert await administrator.session.fetchval("SELECT count(*) FROM tickets") == 0
    await administrator.resume()
    await administrator.until("SELECT count(*) = 4 FROM tickets")
    for log in ("log", "other"):
        assert "not replicated" not in (tmp_path / log).read_text()


def end_of_call(server: Served) -> None:
    """Make a call that ends with the server."""
    with suppress(httpx2.TransportError):
        assert create(server).status_code in {503, 504}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("RESET synchronous_commit", "replication is synchronous"),
        ("SET synchronous_commit = local", "replication is not synchronous"),
    ],
)
async def test_the_start_reports_what_is_promised(
    administrator: Administrator,
    postgres: EmbeddedPostgres,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    message: str,
) -> None:
    settings = Settings.load({}, dotenv=None)
    with caplog.at_level("INFO"):
        await asyncio.to_thread(check_sessions, settings, postgres.url)
    assert "replication is not synchronous" in caplog.messages
    caplog.clear()
    await administrator.session.execute(f"ALTER DATABASE ticketops {statement}")
    await administrator.stall()
    try:
        with caplog.at_level("INFO"):
            await asyncio.to_thread(check_sessions, settings, postgres.url)
    finally:
        await administrator.resume()
        await administrator.session.execute("ALTER DATABASE ticketops RESET synchronous_commit")
    assert message in caplog.messages
