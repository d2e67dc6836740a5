"""Record of a request: its id, and the data that the log and the metrics need at its end."""

import re
import time
from dataclasses import dataclass, field

import uuid_utils
from starlette.types import Scope

from models.log_entry import REQUEST_ID_MAX_LENGTH

__all__ = ["RequestRecord", "begin_record", "limits_key_of", "record_of", "unknown_address"]

_VALID_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,%d}" % REQUEST_ID_MAX_LENGTH)


@dataclass(slots=True)
class RequestRecord:
    """One request; each part of the server that handles it fills in its fields."""

    request_id: str
    started_s: float = field(default_factory=time.perf_counter)
    # Duration; set at the end.
    took_s: float = 0.0
    # Status of the response; 0 until the response begins.
    status: int = 0
    # Name of the caller; None if anonymous.
    caller: str | None = None
    # Key of the caller's limits: its identity, or its address; empty until it is authenticated.
    limits_key: str = ""
    # GraphQL only: name of the operation, and "query", "mutation" or "subscription".
    operation_name: str | None = None
    operation_type: str | None = None
    error_codes: tuple[str, ...] = ()
    # Headers for the response, even if it becomes an error.
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def begin_record(scope: Scope) -> RequestRecord:
    """Create the record of a request, and store it in the scope for `record_of`."""
    record = RequestRecord(_client_request_id(scope) or str(uuid_utils.uuid7()))
    state = scope.get("state")
    if state is None:
        state = scope["state"] = {}
    state["record"] = record
    return record


def record_of(scope: Scope) -> RequestRecord:
    """Return the record of a request that has passed RequestMiddleware."""
    record: RequestRecord = scope["state"]["record"]
    return record


def unknown_address(scope: Scope) -> str | None:
    """Return the address of a request whose caller is not authenticated, else None."""
    if record_of(scope).limits_key:
        return None
    client = scope.get("client")
    return client[0] if client else ""


def limits_key_of(scope: Scope, client: tuple[str, int] | None) -> str:
    """Return the key of the limits of a request's caller, also before the request has a record."""
    record = scope.get("state", {}).get("record") if scope else None
    return (record.limits_key if record is not None else "") or (client[0] if client else "")


def _client_request_id(scope: Scope) -> str | None:
    """Return the X-Request-Id header, if it is valid."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode("ascii") if _VALID_ID.fullmatch(value) else None
    return None
