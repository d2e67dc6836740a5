"""What is remembered of a request while it is answered, for its log line and its context."""

import re
import time
from dataclasses import dataclass, field

import uuid_utils
from starlette.types import Scope

from models.log_entry import REQUEST_ID_MAX_LENGTH

__all__ = ["RequestRecord", "begin_record", "record_of"]

_SANE_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,%d}" % REQUEST_ID_MAX_LENGTH)


@dataclass(slots=True)
class RequestRecord:
    """One request on its way; those who answer it fill in what they learn."""

    request_id: str
    started_s: float = field(default_factory=time.perf_counter)
    # How long it took, once it has ended.
    took_s: float = 0.0
    # Of the response; 0 until it has begun.
    status: int = 0
    # The name of who asks; None while anonymous.
    caller: str | None = None
    # GraphQL's: the operation that ran, and query, mutation or subscription.
    operation_name: str | None = None
    operation_type: str | None = None
    error_codes: tuple[str, ...] = ()
    # What every answer to it is to have, whatever becomes of it.
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def begin_record(scope: Scope) -> RequestRecord:
    """Make the record of a request and keep it in its state, where `record_of` finds it."""
    record = RequestRecord(_incoming_id(scope) or str(uuid_utils.uuid7()))
    state = scope.get("state")
    if state is None:
        state = scope["state"] = {}
    state["record"] = record
    return record


def record_of(scope: Scope) -> RequestRecord:
    """Return the record of a request that has passed the boundary."""
    record: RequestRecord = scope["state"]["record"]
    return record


def _incoming_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode("ascii") if _SANE_ID.fullmatch(value) else None
    return None
