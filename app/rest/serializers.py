"""Serializers: rows as JSON objects, with the names and stored values of the columns."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from app.http.raw_response import RawResponse
from models import LogEntry, OpsDelivery, Ticket
from models.ticket import TICKET_FIELDS

__all__ = [
    "DELIVERY_FIELDS",
    "LOG_ENTRY_FIELDS",
    "JsonObject",
    "json_response",
    "serialize_delivery",
    "serialize_log_entry",
    "serialize_ticket",
]

JsonObject: TypeAlias = dict[str, Any]

DELIVERY_FIELDS = (
    "id",
    "ticket_id",
    "state",
    "attempts",
    "reference",
    "remote_status",
    "last_error",
    "requested_by",
    "created_at",
    "next_attempt_at",
    "delivered_at",
)
LOG_ENTRY_FIELDS = (
    "id",
    "ticket_id",
    "action",
    "status",
    "timestamp",
    "response",
    "delivery_id",
    "attempt",
    "duration_ms",
    "actor",
    "request_id",
)


def serialize_ticket(ticket: Ticket) -> JsonObject:
    """Return a ticket as a JSON object."""
    content = {name: getattr(ticket, name) for name in TICKET_FIELDS}
    content["metadata"] = _json(ticket.metadata)
    return content


def serialize_delivery(delivery: OpsDelivery) -> JsonObject:
    """Return a delivery as a JSON object."""
    return {name: getattr(delivery, name) for name in DELIVERY_FIELDS}


def serialize_log_entry(entry: LogEntry | None) -> JsonObject | None:
    """Return a log entry as a JSON object, and None as null."""
    if entry is None:
        return None
    content = {name: getattr(entry, name) for name in LOG_ENTRY_FIELDS}
    content["response"] = _json(entry.response)
    return content


def json_response(
    content: JsonObject | list[JsonObject],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> RawResponse:
    """Return a response with a JSON body."""
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items()
    ]
    return RawResponse(status, raw, body)


def _json(text: str | None) -> orjson.Fragment | None:
    # Insert the stored text without parsing it, so that its numbers stay exact.
    return None if text is None else orjson.Fragment(text)
