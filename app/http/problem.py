"""Problem documents (RFC 9457): the error responses of all endpoints except GraphQL."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Scope

from app.http.request_record import record_of

__all__ = [
    "RETRY_AFTER_S",
    "HttpProblem",
    "problem_response",
    "rate_limited",
    "service_unavailable",
    "title_of",
]

RETRY_AFTER_S = 1

# Phrases of RFC 9110 that older Python versions do not have.
_TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


class HttpProblem(Exception):
    """An error response; any code that handles a request can raise it.

    ``code`` identifies the error for programs. Each of ``errors`` concerns one part of the
    request, with ``detail``, ``code`` and its place: ``pointer`` (RFC 6901, into the body),
    ``parameter`` (of the query) or ``header``. ``members`` are further members of the document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.members = members or {}


def service_unavailable(detail: str, *, retry_after_s: int = RETRY_AFTER_S) -> HttpProblem:
    """Return the problem of a dependency that is temporarily unavailable."""
    headers = {"Retry-After": str(retry_after_s)}
    return HttpProblem(503, "SERVICE_UNAVAILABLE", detail, headers=headers)


def rate_limited(detail: str, *, retry_after_s: int) -> HttpProblem:
    """Return the problem of a caller that has exceeded a limit."""
    return HttpProblem(429, "RATE_LIMITED", detail, headers={"Retry-After": str(retry_after_s)})


def title_of(status: int) -> str:
    """Return the phrase of a status."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def problem_response(problem: HttpProblem, scope: Scope) -> Response:
    """Return the response for a problem, and record its codes for the log."""
    record = record_of(scope)
    codes = [problem.code, *(error["code"] for error in problem.errors if "code" in error)]
    record.error_codes = tuple(dict.fromkeys(codes))
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(problem.status),
        "status": problem.status,
        "code": problem.code,
        "request_id": record.request_id,
    }
    if problem.detail is not None:
        document["detail"] = problem.detail
        document["instance"] = _instance(scope)
    if problem.errors:
        document["errors"] = problem.errors
    document.update(problem.members)
    return Response(
        orjson.dumps(document, option=orjson.OPT_UTC_Z),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def _instance(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return scope["path"] if raw is None else raw.decode("ascii", "replace")
