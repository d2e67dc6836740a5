"""Messages of a client in the protocol graphql-transport-ws."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.types import Message

from app.graphql.request import GraphQLRequest, read_parameters
from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem

__all__ = [
    "MAX_ID_LENGTH",
    "ClientMessage",
    "Complete",
    "ConnectionInit",
    "InvalidMessage",
    "Ping",
    "Pong",
    "Subscribe",
    "read_message",
]

# The server keeps the id for as long as the operation runs, and each message repeats it.
MAX_ID_LENGTH = 200

Payload: TypeAlias = dict[str, Any] | None


class InvalidMessage(Exception):
    """A message violates the protocol; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """Request to initialize the connection, possibly with a credential."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class Ping:
    """Request for a pong."""

    payload: Payload


@dataclass(frozen=True, slots=True)
class Pong:
    """Response to a ping, or an unsolicited sign of life."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Request to execute an operation: a query, a mutation or a subscription."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """Request to stop an operation."""

    id: str


ClientMessage: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete


def read_message(message: Message, *, max_values: int) -> ClientMessage:
    """Parse and check a message; raises InvalidMessage."""
    text = message.get("text")
    if text is None:
        raise InvalidMessage("Messages must be text.")
    try:
        content = parse_json(text.encode(), max_values=max_values)
    except InvalidJson as error:
        raise InvalidMessage(error.reason.replace("The body", "The message")) from None
    if not isinstance(content, dict):
        raise InvalidMessage("A message must be a JSON object.")
    match content.get("type"):
        case "connection_init":
            return ConnectionInit(_read_payload(content))
        case "ping":
            return Ping(_read_payload(content))
        case "pong":
            _read_payload(content)
            return Pong()
        case "subscribe":
            return Subscribe(_read_id(content), _read_request(content))
        case "complete":
            return Complete(_read_id(content))
    raise InvalidMessage("type must be connection_init, ping, pong, subscribe or complete.")


def _read_payload(content: dict[str, Any]) -> Payload:
    payload = content.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise InvalidMessage("payload must be an object, or absent.")
    return payload


def _read_id(content: dict[str, Any]) -> str:
    operation_id = content.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise InvalidMessage("id must be a non-empty string.")
    if len(operation_id) > MAX_ID_LENGTH:
        raise InvalidMessage(f"id must have at most {MAX_ID_LENGTH} characters.")
    return operation_id


def _read_request(content: dict[str, Any]) -> GraphQLRequest:
    payload = content.get("payload")
    if not isinstance(payload, dict):
        raise InvalidMessage("payload must be an object.")
    try:
        return read_parameters(payload)
    except HttpProblem as problem:
        raise InvalidMessage(str(problem)) from None
