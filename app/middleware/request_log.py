"""The one line that each request leaves in the log: no query strings, no bodies, no credentials."""

import logging
from typing import Any

from starlette.types import Scope

from app.config.logs import lines
from app.http.request_record import RequestRecord

__all__ = ["log_request"]

# Both are a caller's text; the line must not grow with it.
MAX_PATH_LENGTH = 256
MAX_NAME_LENGTH = 100
FIRST_SERVER_FAULT = 500


def log_request(scope: Scope, record: RequestRecord) -> None:
    """Write the line; a fault of the server is an error, everything else information.

    For a WebSocket it is written when that has closed.
    """
    level = logging.ERROR if record.status >= FIRST_SERVER_FAULT else logging.INFO
    if level < lines.threshold:
        return
    duration_ms = int(record.took_s * 1e6) / 1000
    method, path = _bounded(scope.get("method", "WEBSOCKET"), MAX_NAME_LENGTH), _path(scope)
    name = record.operation_name and _bounded(record.operation_name, MAX_NAME_LENGTH)
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


def _path(scope: Scope) -> str:
    # As it was sent: percent-encoded, and without the query string.
    raw: bytes | None = scope.get("raw_path")
    path = scope["path"] if raw is None else raw.decode("ascii", "backslashreplace")
    return _bounded(path, MAX_PATH_LENGTH)


def _bounded(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
