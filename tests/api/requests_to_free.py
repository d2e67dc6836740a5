"""Requests and connections after which the server must be able to free everything at once."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson

from tests.proof.wire import frame, handshake
from tests.waiting import WAIT_S

__all__ = ["KINDS", "Client", "Kind"]

_TEXT, _CLOSE = 1, 8
_CLOSE_FRAME = b"\x88"
_EVENTS = "Accept: text/event-stream"

_TICKET = "query ($id: ID!) { ticket(id: $id) { id } }"
_CREATED_AFTER = """
    query ($time: DateTime) { tickets(filter: {createdAt: {gt: $time}}) { nodes { id } } }
"""
_OF_IDS = "query ($ids: [ID!]) { tickets(filter: {id: {in: $ids}}) { nodes { id } } }"
_FEED = "subscription { ticketEvents { id } }"
_FEED_AFTER = "subscription ($after: String) { ticketEvents(after: $after) { id } }"
_CREATE = """
    mutation ($subject: String!) {
      createTicket(input: {
        subject: $subject, description: "a", customerName: "a", customerEmail: "a@example.com"
      }) { ticket { id } errors { code } }
    }
"""
_UPDATE = """
    mutation ($subject: String) {
      updateTicket(input: {id: "x", subject: $subject}) { ticket { id } errors { code } }
    }
"""
_numbers = itertools.count()


class Client:
    """A connection to the server that leaves nothing to the garbage collector."""

    def __init__(self, server: str) -> None:
        place = urlsplit(server)
        self._server = server
        self._address = (place.hostname, place.port)
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket()
        self._socket.setblocking(False)  # noqa: FBT003  # the parameter has no name

    async def run(self, kind: "Kind") -> None:
        """Connect, run a kind of requests, and close the connection."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._loop.sock_connect(self._socket, self._address)
                await kind(self)
        finally:
            self._socket.close()

    async def ask(self, data: bytes, expected: bytes) -> None:
        """Send bytes, and receive until the expected ones."""
        await self._loop.sock_sendall(self._socket, data)
        received = b""
        while expected not in received:
            part = await self._loop.sock_recv(self._socket, 65_536)
            assert part, received
            received += part

    async def read_all(self) -> None:
        """Receive until the server closes the connection."""
        while await self._loop.sock_recv(self._socket, 65_536):
            pass

    async def create_ticket(self) -> None:
        """Create a ticket on a connection of its own."""
        await Client(self._server).run(_asking(_graphql(_CREATE, subject="a"), b'"errors":[]'))


Kind: TypeAlias = Callable[[Client], Awaitable[None]]


def _request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def _graphql(document: str, *headers: str, **variables: Any) -> bytes:
    body = orjson.dumps({"query": document, "variables": variables})
    return _request("POST", "/graphql", body, *headers)


def _asking(request: bytes, expected: bytes) -> Kind:
    async def run(client: Client) -> None:
        await client.ask(request, expected)

    return run


async def _new_document(client: Client) -> None:
    document = f"""query ($first: Int) {{
        n{next(_numbers)}: tickets(first: $first) {{ nodes {{ id @include(if: true) }} }}
    }}"""
    await client.ask(_graphql(document, first=1), b'"nodes"')


async def _stream(client: Client) -> None:
    document = f"""subscription ($is: Boolean!) {{
        ticketEvents {{ id @include(if: $is) n{next(_numbers)}: id ticket {{ id }} }}
    }}"""
    # The first comment says that the stream is open.
    await client.ask(_graphql(document, _EVENTS, **{"is": True}), b":\n\n")


async def _event_of_stream(client: Client) -> None:
    await _stream(client)
    await client.create_ticket()
    await client.ask(b"", b"event: next")


def _message(**content: Any) -> bytes:
    return frame(_TEXT, orjson.dumps(content))


def _subscribe(document: str, **variables: Any) -> bytes:
    payload = {"query": document, "variables": variables}
    return _message(type="subscribe", id="1", payload=payload)


def _on_websocket(*messages: tuple[bytes, bytes], is_known: bool = True) -> Kind:
    """Send each message on a new WebSocket after the expected bytes of the one before it."""

    async def run(client: Client) -> None:
        await client.ask(handshake("localhost"), b"\r\n\r\n")
        if is_known:
            await client.ask(_message(type="connection_init"), b"connection_ack")
        for message, expected in messages:
            await client.ask(message, expected)

    return run


_SUBSCRIBED = (_subscribe(_FEED) + _message(type="ping"), b"pong")


async def _closed_websocket(client: Client) -> None:
    await _on_websocket((_subscribe("{ viewer { name } }"), b"complete"))(client)
    await client.ask(frame(_CLOSE, (1000).to_bytes(2)), _CLOSE_FRAME)
    await client.read_all()


async def _event_on_websocket(client: Client) -> None:
    await _on_websocket(_SUBSCRIBED)(client)
    await client.create_ticket()
    await client.ask(b"", b'"next"')


KINDS: dict[str, Kind] = {
    "a list over REST": _asking(_request("GET", "/tickets"), b"[]"),
    "a wrong cursor over REST": _asking(_request("GET", "/tickets?cursor=x"), b'"status":400'),
    "a wrong parameter over REST": _asking(_request("GET", "/tickets?limit=x"), b'"status":400'),
    "an unknown ticket over REST": _asking(_request("GET", "/tickets/x"), b'"status":404'),
    "an unknown path": _asking(_request("GET", "/nothing"), b'"status":404'),
    "a wrong method": _asking(_request("PUT", "/tickets"), b'"status":405'),
    "deletion of an unknown ticket": _asking(_request("DELETE", "/tickets/x"), b'"status":404'),
    "an invalid body": _asking(_request("POST", "/tickets", b'{"subject":1}'), b'"status":422'),
    "an invalid input": _asking(_graphql(_CREATE, subject=""), b'"REQUIRED"'),
    "an update of an unknown ticket": _asking(_graphql(_UPDATE, subject="a"), b'"NOT_FOUND"'),
    "an invalid update": _asking(_graphql(_UPDATE, subject=" "), b'"REQUIRED"'),
    "a missing variable": _asking(_graphql(_TICKET), b"BAD_USER_INPUT"),
    "a wrong variable": _asking(_graphql(_TICKET, id={}), b"BAD_USER_INPUT"),
    "a wrong variable of several": _asking(_graphql(_TICKET, id={}, no=1), b"BAD_USER_INPUT"),
    "a wrong scalar": _asking(_graphql(_CREATED_AFTER, time="x"), b"BAD_USER_INPUT"),
    "a wrong scalar of several": _asking(_graphql(_CREATED_AFTER, time="x", no=1), b"BAD_USER"),
    "wrong items": _asking(_graphql(_OF_IDS, ids=[{}, {}], no=1), b"BAD_USER_INPUT"),
    "too many wrong items": _asking(_graphql(_OF_IDS, ids=[{}] * 3000), b"BAD_USER_INPUT"),
    "a new document": _new_document,
    "an event stream": _stream,
    "an event stream with an event": _event_of_stream,
    "an event stream that cannot start": _asking(
        _graphql(_FEED_AFTER, _EVENTS, after="x"), b"BAD_USER_INPUT"
    ),
    "a wrong variable of a stream": _asking(
        _graphql(_FEED_AFTER, _EVENTS, after={}), b"BAD_USER_INPUT"
    ),
    "a WebSocket that is closed": _closed_websocket,
    "a WebSocket that is lost": _on_websocket(),
    "a WebSocket without a credential": _on_websocket(
        (_subscribe("{ viewer { name } }"), _CLOSE_FRAME), is_known=False
    ),
    "an invalid message": _on_websocket((_message(type="x"), _CLOSE_FRAME)),
    "a subscription": _on_websocket(_SUBSCRIBED),
    "a subscription that ends": _on_websocket(
        _SUBSCRIBED, (_message(type="complete", id="1") + _message(type="ping"), b"pong")
    ),
    "a subscription with an event": _event_on_websocket,
    "a subscription that cannot start": _on_websocket(
        (_subscribe(_FEED_AFTER, after="x"), b"BAD_USER_INPUT")
    ),
    "a wrong variable on a WebSocket": _on_websocket((_subscribe(_TICKET, id={}), b"BAD_USER")),
}
