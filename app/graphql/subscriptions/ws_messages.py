"""The messages of graphql-transport-ws: what a client may send, read and checked."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.types import Message

from app.graphql.request import GraphQLRequest, checked
from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem

__all__ = [
    "ClientMessage",
    "Complete",
    "ConnectionInit",
    "InvalidMessage",
    "Ping",
    "Pong",
    "Subscribe",
    "read_message",
]

Payload: TypeAlias = dict[str, Any] | None


class InvalidMessage(Exception):
    """What came is no message of the protocol; the text says why."""


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """The client introduces itself."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class Ping:
    """The client wants a pong."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class Pong:
    """The client lives."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The client wants an operation executed, of whatever type."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """The client wants no more of an operation."""

    id: str


ClientMessage: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete


def read_message(message: Message) -> ClientMessage:
    """Read what came through the socket; raises InvalidMessage."""
    text = message.get("text")
    if text is None:
        raise InvalidMessage("Messages must be text.")
    try:
        content = parse_json(text.encode())
    except InvalidJson as error:
        raise InvalidMessage(error.reason.replace("The body", "The message")) from None
    if not isinstance(content, dict):
        raise InvalidMessage("A message must be a JSON object.")
    match content.get("type"):
        case "connection_init":
            return ConnectionInit(_payload(content))
        case "ping":
            return Ping(_payload(content))
        case "pong":
            _payload(content)
            return Pong()
        case "subscribe":
            return Subscribe(_id(content), _request(content))
        case "complete":
            return Complete(_id(content))
    raise InvalidMessage("type must be connection_init, ping, pong, subscribe or complete.")


def _payload(content: dict[str, Any]) -> Payload:
    payload = content.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise InvalidMessage("payload must be an object, or absent.")
    return payload


def _id(content: dict[str, Any]) -> str:
    given = content.get("id")
    if not isinstance(given, str) or not given:
        raise InvalidMessage("id must be a string that is not empty.")
    return given


def _request(content: dict[str, Any]) -> GraphQLRequest:
    payload = content.get("payload")
    if not isinstance(payload, dict):
        raise InvalidMessage("payload must be an object.")
    try:
        return checked(payload)
    except HttpProblem as problem:
        raise InvalidMessage(str(problem)) from None
