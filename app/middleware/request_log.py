"""Log each request, without query strings, bodies and credentials."""

import logging
from http import HTTPStatus
from typing import Any

from starlette.types import Scope

from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.config.logs import lines
from app.http.request_record import RequestRecord, unknown_address

__all__ = ["log_request"]

# Path and name come from the client, so the log truncates them.
MAX_PATH_LENGTH = 256
MAX_NAME_LENGTH = 100
FIRST_SERVER_ERROR = 500
_REFUSED = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


def log_request(scope: Scope, record: RequestRecord) -> None:
    """Log a finished request or a closed WebSocket.

    A failure of the server is an error. A request that was refused or took too long is a warning:
    a caller can cause it alone, and an outage has log lines of its own. Of requests without an
    authenticated caller, only as many are logged as their limit admits.
    """
    level = logging.INFO
    if record.status >= FIRST_SERVER_ERROR:
        level = logging.WARNING if record.status in _REFUSED else logging.ERROR
    if level < lines.threshold:
        return
    if not record.limits_key and not _is_admitted(scope, record):
        return
    duration_ms = int(record.took_s * 1e6) / 1000
    method = _truncate(scope.get("method", "WEBSOCKET"), MAX_NAME_LENGTH)
    path = _path(scope)
    name = record.operation_name and _truncate(record.operation_name, MAX_NAME_LENGTH)
    if lines.pretty:
        operation = " ".join(filter(None, (method, path, record.operation_type, name)))
        message = f"{operation} -> {record.status or 'gone'} in {duration_ms:g} ms"
        fields: dict[str, Any] = {
            "errors": ",".join(record.error_codes),
            "caller": record.caller,
            "request_id": record.request_id,
        }
    else:
        message = "request"
        fields = {
            "request_id": record.request_id,
            "method": method,
            "path": path,
            "operation_name": name,
            "operation_type": record.operation_type,
            "status": record.status or None,
            "duration_ms": duration_ms,
            "error_codes": record.error_codes,
            "caller": record.caller,
        }
    lines.write_soon(level, message, fields)


def _is_admitted(scope: Scope, record: RequestRecord) -> bool:
    kind = f"request {record.status or 'without a response'}"
    return UNAUTHENTICATED_LINES.admits(unknown_address(scope) or "", kind)


def _path(scope: Scope) -> str:
    # The path as the client sent it: percent-encoded, and without the query string.
    raw: bytes | None = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("ascii", "backslashreplace")
    return _truncate(path, MAX_PATH_LENGTH)


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
