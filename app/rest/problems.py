"""Problem documents for errors of the resolvers: status, and invalid part of the request."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.http.problem import HttpProblem
from app.rest.idempotency import DOCUMENTATION
from app.rest.preconditions import entity_tag
from app.rest.serializers import serialize_ticket
from resolvers.errors import ApiError, ApiErrors, Conflict, ErrorCode, NotFound, OpsRequestFailed

__all__ = ["HTTP_STATUS", "pointer", "problem_of", "retry_after", "ticket_not_found"]

MAX_ERRORS = 100

HTTP_STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.REQUIRED: 422,
    ErrorCode.INVALID: 422,
    ErrorCode.TOO_LONG: 422,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.ALREADY_EXISTS: 409,
    # The expected version comes from a precondition (RFC 9110, section 13).
    ErrorCode.VERSION_CONFLICT: 412,
    # draft-ietf-httpapi-idempotency-key-header, section 2.7.
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
    ErrorCode.INVALID_STATE: 409,
    ErrorCode.NOT_SENT: 409,
    ErrorCode.OPS_UNAVAILABLE: 503,
    ErrorCode.OPS_TIMEOUT: 503,
    ErrorCode.OPS_REJECTED: 422,
    ErrorCode.OPS_CIRCUIT_OPEN: 503,
}
_UNAVAILABLE = 503
_HEADERS = {
    "idempotency_key": "Idempotency-Key",
    "expected_version": "If-Match",
    "if_none_match": "If-None-Match",
}
_PARAMETERS = {"search": "q"}
_FRAGMENT_SAFE = "!$&'()*+,;=:@~"


def problem_of(
    error: ApiError | ApiErrors,
    members: Mapping[str, Any] | None = None,
    *,
    shows_rows: bool = True,
) -> HttpProblem:
    """Return the problem of an error of a resolver, with further members of the document.

    ``shows_rows``: whether the caller may read rows, such as the current ticket of a conflict.
    """
    members = dict(members or {})
    errors = error.errors if isinstance(error, ApiErrors) else (error,)
    first = errors[0]
    codes = {each.code for each in errors}
    headers: dict[str, str] = {}
    if shows_rows and isinstance(first, Conflict) and first.current is not None:
        members["current"] = serialize_ticket(first.current)
        headers["ETag"] = entity_tag(first.current.version)
    if first.path[:1] == ("idempotency_key",):
        headers |= DOCUMENTATION
    if isinstance(first, OpsRequestFailed):
        members["retryable"] = first.retryable
        if HTTP_STATUS[first.code] == _UNAVAILABLE:
            headers["Retry-After"] = retry_after(first)
    return HttpProblem(
        _status(first),
        first.code.name if len(codes) == 1 else ErrorCode.INVALID.name,
        " ".join(_message(each) for each in errors[:MAX_ERRORS]),
        errors=_errors(errors),
        headers=headers,
        members=members,
    )


def ticket_not_found() -> HttpProblem:
    """Return the problem of an unknown ticket id in the path."""
    return HttpProblem(404, ErrorCode.NOT_FOUND.name, "There is no ticket with this id.")


def retry_after(error: OpsRequestFailed) -> str:
    """Return the value of Retry-After: whole seconds, at least 1."""
    return str(max(1, -(-(error.retry_after_ms or 0) // 1000)))


def _status(error: ApiError) -> int:
    if error.path[:1] == ("filter",):
        return 400
    if error.code is ErrorCode.NOT_FOUND and error.path == ("idempotency_key",):
        # The ticket created with the key is deleted; the URL of the request exists.
        return 409
    return HTTP_STATUS[error.code]


def _errors(errors: Sequence[ApiError]) -> list[dict[str, str]]:
    return [
        {"detail": _message(error), "code": error.code.name} | location
        for error in errors[:MAX_ERRORS]
        if (location := _location(error))
    ]


def _message(error: ApiError) -> str:
    """Return the message, which begins with the name of a parameter if that is invalid."""
    match error.path:
        case ("filter", name, *_):
            _, _, rule = error.message.partition(f"{error.path[-1]} ")
            return f"{_PARAMETERS.get(name, name)} {rule}" if rule else error.message
    return error.message


def _location(error: ApiError) -> dict[str, str]:
    match error.path:
        case ("filter", name, *_):
            return {"parameter": _PARAMETERS.get(name, name)}
        case (name, *_) if name in _HEADERS:
            return {"header": _HEADERS[name]}
    if not error.path or isinstance(error, (NotFound, OpsRequestFailed)):
        # The error concerns the ticket in the URL.
        return {}
    return {"pointer": pointer(*error.path)}


def pointer(*path: str) -> str:
    """Return a JSON pointer as the fragment of a URI (RFC 6901, section 6)."""
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join(f"/{quote(part, safe=_FRAGMENT_SAFE)}" for part in escaped)
