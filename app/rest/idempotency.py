"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-08)."""

import re

from starlette.requests import Request

from app.http.problem import HttpProblem
from models.idempotency_key import KEY_MAX_LENGTH

__all__ = ["DOCUMENTATION", "idempotency_key"]

# The draft recommends that errors link to the documentation of the header.
DOCUMENTATION = {"Link": '</openapi.json>; rel="describedby"; type="application/json"'}
_PRINTABLE = re.compile(rf"[\x20-\x7e]{{1,{KEY_MAX_LENGTH}}}")
# The draft requires a quoted string (RFC 9651, section 3.3.3), which may have parameters; most
# clients send a bare one.
_QUOTED = re.compile(
    r'"((?:[^"\\]|\\["\\])*)"(?: *; *[a-z*][a-z0-9_.*-]*(?:=(?:[^;,"]*|"[^"]*"))?)*'
)


def idempotency_key(request: Request) -> str | None:
    """Return the idempotency key of a request, or None; raise HttpProblem (400) if invalid."""
    lines = request.headers.getlist("Idempotency-Key")
    if not lines:
        return None
    key = lines[0].strip()
    if key.startswith('"'):
        quoted = _QUOTED.fullmatch(key)
        key = "" if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1])
    if len(lines) > 1 or not _PRINTABLE.fullmatch(key):
        detail = (
            f"Idempotency-Key must be one string of 1 to {KEY_MAX_LENGTH} printable ASCII"
            " characters, in double quotes or without any."
        )
        error = {"detail": detail, "code": "INVALID", "header": "Idempotency-Key"}
        raise HttpProblem(400, "INVALID", detail, errors=[error], headers=DOCUMENTATION)
    return key
