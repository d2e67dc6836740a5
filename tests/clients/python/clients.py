"""Python's clients of HTTP and GraphQL, each as a pair of functions."""

# ruff: noqa: INP001  # a script of a project of its own

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.request import Request, urlopen

import httpx2
import requests
from gql import Client, gql
from gql.transport import AsyncTransport
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.transport.requests import RequestsHTTPTransport
from gql.transport.websockets import WebsocketsTransport

__all__ = ["CLIENTS", "SUBSCRIBING", "Execute", "subscribe"]

Execute: TypeAlias = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

URL = os.environ["URL"]
WEBSOCKET_URL = URL.replace("http", "ws", 1)
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


async def with_urllib(query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Execute with the standard library."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = HEADERS | {"Content-Type": "application/json"}
    request = Request(URL, body, headers)  # noqa: S310  # the URL of the test
    with urlopen(request) as response:  # noqa: ASYNC210, S310  # nothing else runs meanwhile
        return _data(json.load(response))


async def with_requests(query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Execute with requests."""
    body = {"query": query, "variables": variables}
    response = requests.post(URL, json=body, headers=HEADERS, timeout=30)  # noqa: ASYNC210  # as above
    return _data(response.json())


async def with_httpx2(query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Execute with httpx2."""
    async with httpx2.AsyncClient(headers=HEADERS, timeout=30) as http:
        response = await http.post(URL, json={"query": query, "variables": variables})
    return _data(response.json())


def _data(response: dict[str, Any]) -> dict[str, Any]:
    assert "errors" not in response, response
    data: dict[str, Any] = response["data"]
    return data


def _gql(new_transport: Callable[[], Any]) -> Execute:
    async def execute(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        # It fetches the schema by introspection, and validates each document.
        client = Client(transport=new_transport(), fetch_schema_from_transport=True)
        request = gql(query)
        request.variable_values = variables
        if not isinstance(client.transport, AsyncTransport):
            return client.execute(request)
        async with client as session:
            return await session.execute(request)

    return execute


SUBSCRIBING: dict[str, Callable[[], AsyncTransport]] = {
    "gql-websockets": lambda: WebsocketsTransport(WEBSOCKET_URL, init_payload=HEADERS),
    "gql-aiohttp-websockets": lambda: AIOHTTPWebsocketsTransport(
        WEBSOCKET_URL, init_payload=HEADERS
    ),
}
CLIENTS: dict[str, Execute] = {
    "urllib": with_urllib,
    "requests": with_requests,
    "httpx2": with_httpx2,
    "gql-aiohttp": _gql(lambda: AIOHTTPTransport(URL, headers=HEADERS)),
    "gql-requests": _gql(lambda: RequestsHTTPTransport(URL, headers=HEADERS)),
    "gql-httpx": _gql(lambda: HTTPXTransport(URL, headers=HEADERS)),
    "gql-httpx-async": _gql(lambda: HTTPXAsyncTransport(URL, headers=HEADERS)),
    **{name: _gql(new_transport) for name, new_transport in SUBSCRIBING.items()},
}


async def subscribe(client: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the first result of a subscription."""
    request = gql(query)
    request.variable_values = variables
    async with Client(transport=SUBSCRIBING[client]()) as session:
        events = session.subscribe(request)
        event: dict[str, Any] = await anext(events)
        await events.aclose()
        return event
