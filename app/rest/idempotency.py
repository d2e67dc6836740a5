"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header)."""

import re

from starlette.requests import Request

from app.http.problem import HttpProblem
from models.idempotency_key import KEY_MAX_LENGTH

__all__ = ["idempotency_key"]

_PRINTABLE = re.compile(rf"[\x20-\x7e]{{1,{KEY_MAX_LENGTH}}}")
# The draft requires a quoted string (RFC 9651, section 3.3.3); most clients send a bare one.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def idempotency_key(request: Request) -> str | None:
    """Return the idempotency key of a request, or None; raise HttpProblem (400) if invalid."""
    value = request.headers.get("Idempotency-Key")
    if value is None:
        return None
    key = value.strip()
    if quoted := _QUOTED.fullmatch(key):
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _PRINTABLE.fullmatch(key):
        detail = f"Idempotency-Key must have 1 to {KEY_MAX_LENGTH} printable ASCII characters."
        error = {"detail": detail, "code": "INVALID", "header": "Idempotency-Key"}
        raise HttpProblem(400, "INVALID", detail, errors=[error])
    return key
