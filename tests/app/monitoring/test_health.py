"""Liveness and readiness checks."""

import asyncio

import asyncpg
import httpx2

from app.database.migrations import EXPECTED_VERSION, migrate
from tests.app.http.conftest import Serve
from tests.app.readiness import facts_of, readiness
from tests.app.rest.rest_client import create, problem

NOWHERE = "postgresql://nobody:s3cret@127.0.0.1:9/nothing"


def test_a_server_with_a_database_is_live_and_ready(http: httpx2.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    response = http.get("/readyz")
    assert readiness(response) == {"status": "ready"}
    # Without a replica, no more than these.
    facts = facts_of(response)
    assert facts.keys() == {"database", "pool"}
    assert facts["database"] == {"role": "primary", "schema": EXPECTED_VERSION}
    assert facts["pool"].keys() == {"size", "used", "waiting"}
    assert 0 <= facts["pool"]["used"] <= facts["pool"]["size"]


def test_a_server_without_a_database_is_live_and_not_ready(serve: Serve) -> None:
    http = serve(database_url=NOWHERE).http
    assert http.get("/healthz").status_code == 200
    response = http.get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.json() == {"status": "not ready", "missing": "database"}


def test_a_server_with_missing_migrations_is_not_ready(
    serve: Serve, empty_database_url: str
) -> None:
    response = serve(database_url=empty_database_url).http.get("/readyz")
    assert response.status_code == 503
    assert readiness(response) == {"status": "not ready", "missing": "migrations"}
    assert facts_of(response)["database"] == {"role": "primary", "schema": None}


def test_responses_during_an_outage_have_retry_after(serve: Serve) -> None:
    server = serve(database_url=NOWHERE)
    for response in (
        server.http.get("/tickets"),
        server.http.get("/tickets/any"),
        server.http.post("/api/ops/any"),
        server.http.delete("/tickets/any"),
    ):
        problem(response, 503, "SERVICE_UNAVAILABLE")
        assert response.headers["Retry-After"]
        assert "s3cret" not in response.text
    query = server.http.post("/graphql", json={"query": "{ tickets { nodes { id } } }"})
    assert query.status_code == 503
    assert query.headers["Retry-After"]
    assert "s3cret" not in server.log_text()


def test_the_server_recovers_when_the_database_is_back(
    serve: Serve, empty_database_url: str
) -> None:
    # Not the database of other tests, whose connections would be closed too.
    asyncio.run(migrate(empty_database_url))

    async def kill_all_others() -> None:
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()

    http = serve(database_url=empty_database_url).http
    ticket = create(http)
    asyncio.run(kill_all_others())
    responses = [http.get(f"/tickets/{ticket['id']}") for _ in range(5)]
    assert {response.status_code for response in responses} <= {200, 503}
    assert responses[-1].json() == ticket
