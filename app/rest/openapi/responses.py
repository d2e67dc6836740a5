"""Headers, problem codes and responses of the OpenAPI document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import assert_enum_type

from app.http.error_codes import HTTP_CODES, USER_ERROR_ACTIONS
from app.http.problem import title_of
from app.rest.openapi.schemas import plain_description
from app.rest.operation import Operation
from models.idempotency_key import KEY_MAX_LENGTH
from models.log_entry import REQUEST_ID_MAX_LENGTH
from schema.build import graphql_schema

__all__ = [
    "REQUEST_HEADERS",
    "component_headers",
    "component_responses",
    "operation_responses",
    "options_responses",
    "problem_codes",
]

_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_SECONDS: Mapping[str, Any] = {"type": "integer", "minimum": 1}
_TEXT: Mapping[str, Any] = {"type": "string"}

_IDEMPOTENCY_KEY = (
    "Makes the request safe to repeat: a repeated request with the same key returns the first"
    " result, also if it arrives while the first is being processed. The key belongs to the caller"
    " and is kept for IDEMPOTENCY_KEY_TTL_HOURS (24 by default). It is a string in double quotes"
    " (RFC 9651), or the same text without quotes."
)
_IF_MATCH = (
    "`ETag` of the version that the client has read, a list of them, or `*`. If the ticket has"
    " another version, nothing is changed and the status is 412."
)
_IF_NONE_MATCH = (
    "`ETag` of the version that the client has, a list of them, or `*` for any. If the ticket has"
    " this version, a GET is answered with 304, and a change with 412."
)
_LINK = (
    'URL of the next page, with `rel="next"`; missing on the last page. In an error of'
    ' Idempotency-Key, the URL of this document, with `rel="describedby"`.'
)
_REQUEST_ID = (
    f"Id of the request: 1 to {REQUEST_ID_MAX_LENGTH} letters, digits or characters of `._:+/=-`."
    " Any other value is ignored. Default: a new UUIDv7."
)
_POSITION = (
    "`Ticketops-Position` of the last change of the caller, or several separated by commas. Servers"
    " with replicas then read where it is visible. An invalid value makes them read on the primary."
)
_CHANGE_POSITION = (
    "Position of the change that the request may have made, if DATABASE_REPLICA_URL is set. Of two"
    " positions of one database, the greater one, compared as text, is later."
)
# Headers of requests, with their meaning and schema.
REQUEST_HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Idempotency-Key": (
        _IDEMPOTENCY_KEY,
        {"type": "string", "pattern": f"^[!#-~]{{1,{KEY_MAX_LENGTH}}}$"},
    ),
    "If-Match": (
        _IF_MATCH,
        {"type": "string", "pattern": r'^(\*|"[1-9][0-9]{0,8}"(, *"[1-9][0-9]{0,8}")*)$'},
    ),
    "If-None-Match": (
        _IF_NONE_MATCH,
        {"type": "string", "pattern": r'^(\*|(W/)?"[^"]*"(, *(W/)?"[^"]*")*)$'},
    ),
    "X-Request-Id": (
        _REQUEST_ID,
        {"type": "string"},
    ),
    "Ticketops-Position": (_POSITION, _TEXT),
}
# Headers of responses, with their meaning and schema.
_HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "X-Request-Id": ("Id of the request, in its log line and its log entries.", _TEXT),
    "Ticketops-Position": (_CHANGE_POSITION, _TEXT),
    "RateLimit-Policy": (
        "The limit, if RATE_LIMIT is set: `q` requests in each window of `w` seconds.",
        _TEXT,
    ),
    "RateLimit": ("Its state: `r` requests left, `t` seconds until the window ends.", _TEXT),
    "RateLimit-Limit": ("Requests allowed in a window, if RATE_LIMIT is set.", _COUNT),
    "RateLimit-Remaining": ("Requests left in the current window.", _COUNT),
    "RateLimit-Reset": ("Seconds until the current window ends.", _SECONDS),
    "ETag": (
        "Version of the ticket in double quotes, for `If-Match` and `If-None-Match`.",
        _TEXT,
    ),
    "Location": ("Path of the new ticket.", _TEXT),
    "Link": (_LINK, _TEXT),
    "Retry-After": ("Seconds after which to try again.", _SECONDS),
    "WWW-Authenticate": ("The Bearer challenge (RFC 6750).", _TEXT),
    "Allow": ("The allowed methods.", _TEXT),
    "Accept": ("The accepted media type.", _TEXT),
    "Accept-Encoding": ("The accepted encoding.", _TEXT),
}
_EVERY_RESPONSE = (
    "X-Request-Id",
    "Ticketops-Position",
    "RateLimit-Policy",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
)
# Headers of problem documents, by status.
_PROBLEM_HEADERS: Mapping[int, tuple[str, ...]] = {
    400: ("Link",),
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    405: ("Allow",),
    409: ("ETag", "Link"),
    412: ("ETag",),
    415: ("Accept", "Accept-Encoding"),
    422: ("Link",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
# Problems of every operation, of those with a body, and of those with an id in the path.
_EVERY_OPERATION: Mapping[int, tuple[str, ...]] = {
    400: ("BAD_REQUEST",),
    401: ("UNAUTHENTICATED",),
    403: ("FORBIDDEN",),
    408: ("TIMEOUT",),
    414: ("URI_TOO_LONG",),
    421: ("MISDIRECTED_REQUEST",),
    429: ("RATE_LIMITED",),
    431: ("HEADERS_TOO_LARGE",),
    500: ("INTERNAL",),
    503: ("SERVICE_UNAVAILABLE",),
    504: ("TIMEOUT",),
    505: ("HTTP_VERSION_NOT_SUPPORTED",),
}
_WITH_BODY: Mapping[int, tuple[str, ...]] = {
    413: ("PAYLOAD_TOO_LARGE",),
    415: ("UNSUPPORTED_MEDIA_TYPE",),
    501: ("NOT_IMPLEMENTED",),
}
_WITH_ID: Mapping[int, tuple[str, ...]] = {404: ("NOT_FOUND",)}
# Problems with the same codes in many operations are components.
_COMMON: Mapping[int, tuple[str, ...]] = {
    **_EVERY_OPERATION,
    **_WITH_BODY,
    **_WITH_ID,
    405: ("METHOD_NOT_ALLOWED",),
}


def component_headers() -> dict[str, Any]:
    """Return the headers of responses by name."""
    return {
        name: {"description": description, "schema": dict(schema)}
        for name, (description, schema) in _HEADERS.items()
    }


def problem_codes() -> dict[str, str]:
    """Return the description of each problem code."""
    enum = assert_enum_type(graphql_schema().type_map["ErrorCode"])
    user_errors = {
        code.name: f"{enum.values[code.name].description} {action}"
        for code, action in USER_ERROR_ACTIONS.items()
    }
    http_codes = {
        http_code.code: f"{http_code.meaning} {http_code.action}" for http_code in HTTP_CODES
    }
    codes = sorted((http_codes | user_errors).items())
    return {code: plain_description(description) for code, description in codes}


def operation_responses(operation: Operation, *, has_id: bool) -> dict[str, Any]:
    """Return all responses of an operation by status."""
    codes: dict[int, list[str]] = {}
    sources = [_EVERY_OPERATION, operation.problems]
    sources += [_WITH_BODY] if operation.body is not None else []
    sources += [_WITH_ID] if has_id else []
    for source in sources:
        for status, names in source.items():
            codes.setdefault(status, []).extend(names)
    responses = {
        str(status): {
            "description": success.description,
            "headers": _headers(success.headers),
            **({} if success.schema is None else _json_content(success.schema)),
        }
        for status, success in operation.responses.items()
    }
    return responses | {
        str(status): {"$ref": f"#/components/responses/{_component_name(status)}"}
        if tuple(names) == _COMMON.get(status)
        else _problem(status, names)
        for status, names in sorted(codes.items())
    }


def component_responses() -> dict[str, Any]:
    """Return the responses that many operations share, by name."""
    return {
        _component_name(status): _problem(status, codes)
        for status, codes in sorted(_COMMON.items())
    }


def options_responses() -> dict[str, Any]:
    """Return the responses to OPTIONS."""
    allowed = {"description": "The allowed methods.", "headers": _headers(("Allow",))}
    statuses = (400, 408, 414, 421, 431, 505)
    return {
        "204": allowed,
        **{
            str(status): {"$ref": f"#/components/responses/{_component_name(status)}"}
            for status in statuses
        },
    }


def _component_name(status: int) -> str:
    return title_of(status).replace(" ", "").replace("-", "")


def _problem(status: int, codes: Sequence[str]) -> dict[str, Any]:
    """Return the response with a problem document that has one of these codes."""
    meaning = problem_codes()
    lines = [f"- `{code}`: {meaning[code]}" for code in codes]
    restriction = {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, restriction]}
    return {
        "description": "\n".join([f"{title_of(status)}.", "", *lines]),
        "headers": _headers(_PROBLEM_HEADERS.get(status, ())),
        "content": {"application/problem+json": {"schema": schema}},
    }


def _json_content(schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"content": {"application/json": {"schema": reference}}}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *_EVERY_RESPONSE)}
