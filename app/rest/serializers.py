"""What is answered: rows as JSON objects, their fields named and written as the columns are."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from app.http.raw_response import RawResponse
from models import LogEntry, OpsDelivery, Ticket
from models.ticket import TICKET_FIELDS

__all__ = [
    "Document",
    "delivery_document",
    "json_response",
    "log_entry_document",
    "ticket_document",
]

Document: TypeAlias = dict[str, Any]

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


def ticket_document(ticket: Ticket) -> Document:
    """Return a ticket as it is answered."""
    document = {name: getattr(ticket, name) for name in TICKET_FIELDS}
    document["metadata"] = _json(ticket.metadata)
    return document


def delivery_document(delivery: OpsDelivery) -> Document:
    """Return a delivery as it is answered."""
    return {name: getattr(delivery, name) for name in DELIVERY_FIELDS}


def log_entry_document(entry: LogEntry | None) -> Document | None:
    """Return a log entry as it is answered."""
    if entry is None:
        return None
    document = {name: getattr(entry, name) for name in LOG_ENTRY_FIELDS}
    document["response"] = _json(entry.response)
    return document


def json_response(
    content: Document | list[Document],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> RawResponse:
    """Return a JSON answer."""
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items()
    ]
    return RawResponse(status, raw, body)


def _json(text: str | None) -> orjson.Fragment | None:
    # As it is stored: never parsed, so never changed.
    return None if text is None else orjson.Fragment(text)
