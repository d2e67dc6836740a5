"""The protocol graphql-sse, distinct connections mode."""

from typing import Any

import httpx2
import pytest

from tests.app.graphql.operations import CREATE, EVENTS, TYPENAME, create
from tests.app.graphql.subscriptions.event_source import EventSource
from tests.conftest import GraphQL

# The Accept header of graphql-sse clients.
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json,"
    " text/event-stream, multipart/mixed"
)
# The Accept header in Relay's documentation.
RELAY = "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"
APOLLO = "application/graphql-response+json,application/json;q=0.9"


async def test_a_query_is_one_event_and_complete(http: httpx2.AsyncClient) -> None:
    async with EventSource.opened(http, TYPENAME) as source:
        assert source.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert source.response.headers["cache-control"] == "no-store"
        assert await source.event() == ("next", {"data": {"__typename": "Query"}})
        assert await source.event() == ("complete", None)
        assert await source.event() is None


async def test_lines_end_in_line_feeds_only(http: httpx2.AsyncClient) -> None:
    async with EventSource.opened(http, TYPENAME) as source:
        assert await source.block() == b":"
        assert await source.block() == b'event: next\ndata: {"data":{"__typename":"Query"}}'
        # A browser drops events without a data field.
        assert await source.block() == b"event: complete\ndata: "


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_streams_until_the_client_disconnects(
    http: httpx2.AsyncClient, graphql: GraphQL, method: str
) -> None:
    async with EventSource.opened(http, EVENTS, method=method) as source:
        for _ in range(3):
            ticket_id = await create(graphql)
            assert (await source.next())["ticketEvents"]["ticketId"] == ticket_id


async def test_no_event_is_missed_after_the_first_bytes(
    http: httpx2.AsyncClient, graphql: GraphQL
) -> None:
    for _ in range(10):
        await create(graphql)
        async with EventSource.opened(http, EVENTS) as source:
            ticket_id = await create(graphql)
            assert (await source.next())["ticketEvents"]["ticketId"] == ticket_id


async def test_a_cursor_replays_the_events_after_it(
    http: httpx2.AsyncClient, graphql: GraphQL
) -> None:
    async with EventSource.opened(http, EVENTS) as source:
        tickets = [await create(graphql)]
        cursor = (await source.next())["ticketEvents"]["cursor"]
    tickets += [await create(graphql) for _ in range(5)]
    async with EventSource.opened(http, EVENTS, after=cursor) as source:
        came = [(await source.next())["ticketEvents"]["ticketId"] for _ in range(5)]
        assert came == tickets[1:]


async def test_a_mutation_by_post_is_executed(http: httpx2.AsyncClient) -> None:
    async with EventSource.opened(http, CREATE) as source:
        assert (await source.next())["createTicket"]["ticket"]["id"]
        assert await source.event() == ("complete", None)


async def test_a_mutation_by_get_is_rejected(http: httpx2.AsyncClient) -> None:
    async with EventSource.opened(http, CREATE, method="GET") as source:
        assert source.response.status_code == 405
        assert source.response.headers["allow"] == "POST"
        assert source.response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", {}, "BAD_USER_INPUT"),
        ("query ($id: ID!) { ticket(id: $id) { id } }", {}, "BAD_USER_INPUT"),
        (EVENTS, {"after": "nonsense"}, "BAD_USER_INPUT"),
        (EVENTS, {"id": 1.5}, "BAD_USER_INPUT"),
    ],
)
async def test_request_errors_are_sent_as_an_event(
    http: httpx2.AsyncClient, query: str, variables: dict[str, Any], code: str
) -> None:
    """An EventSource does not show the body of an error status."""
    async with EventSource.opened(http, query, **variables) as source:
        assert source.response.status_code == 200
        event = await source.event()
        assert event is not None
        name, result = event
        assert name == "next"
        assert "data" not in result
        assert {error["extensions"]["code"] for error in result["errors"]} == {code}
        assert await source.event() == ("complete", None)
        assert await source.event() is None


@pytest.mark.parametrize(
    "accept", [URQL, APOLLO, RELAY, "*/*", "application/json, text/event-stream"]
)
async def test_a_query_is_json_if_json_is_preferred(http: httpx2.AsyncClient, accept: str) -> None:
    response = await http.post("/graphql", json={"query": TYPENAME}, headers={"Accept": accept})
    assert "json" in response.headers["content-type"]
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_only_the_beginning_of_a_long_accept_header_counts(
    http: httpx2.AsyncClient,
) -> None:
    """To parse all of it would take a quarter of a second."""
    accept = "application/json" + ",x" * 30_000 + ", text/event-stream"
    request = {"json": {"query": EVENTS}, "headers": {"Accept": accept}}
    response = await http.post("/graphql", **request)  # type: ignore[arg-type]  # a union of the two
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "accept",
    ["text/event-stream", "text/event-stream, */*", "application/json;q=0.5, text/event-stream"],
)
async def test_a_query_is_streamed_if_events_are_preferred(
    http: httpx2.AsyncClient, accept: str
) -> None:
    async with EventSource.opened(http, TYPENAME, accept=accept) as source:
        assert await source.next() == {"__typename": "Query"}


async def test_a_subscription_is_streamed_if_events_are_accepted(
    http: httpx2.AsyncClient, graphql: GraphQL
) -> None:
    async with EventSource.opened(http, EVENTS, accept=URQL) as source:
        await create(graphql)
        await source.next()


@pytest.mark.parametrize(
    "accept", [APOLLO, RELAY, "*/*", "application/json, text/event-stream;q=0"]
)
async def test_a_subscription_is_rejected_if_events_are_not_accepted(
    http: httpx2.AsyncClient, accept: str
) -> None:
    response = await http.post("/graphql", json={"query": EVENTS}, headers={"Accept": accept})
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "text/event-stream" in error["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"content": b"x" * 2_000_000, "headers": {"Content-Type": "application/json"}}, 413),
    ],
)
async def test_an_invalid_request_has_an_error_status_and_json(
    http: httpx2.AsyncClient, content: dict[str, Any], status: int
) -> None:
    content["headers"]["Accept"] = "text/event-stream"
    response = await http.post("/graphql", **content)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"]


async def test_the_connection_is_reusable_after_a_stream(server: str) -> None:
    limits = httpx2.Limits(max_connections=1)
    async with httpx2.AsyncClient(base_url=server, limits=limits) as http:
        for _ in range(3):
            async with EventSource.opened(http, TYPENAME) as source:
                while await source.event():
                    pass


async def test_head_does_not_start_a_subscription(http: httpx2.AsyncClient) -> None:
    response = await http.head(
        "/graphql", params={"query": EVENTS}, headers={"Accept": "text/event-stream"}
    )
    assert response.status_code in {200, 400}
