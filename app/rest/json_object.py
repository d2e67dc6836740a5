"""The JSON object in the body of a REST request."""

from typing import Any

from starlette.requests import Request

from app.http.body import read_body
from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem

__all__ = ["read_json_object", "read_no_fields"]


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the object in the body; raises HttpProblem: 415, 413, 400 for no JSON, else 422."""
    _require_json(request)
    return _object(await _read(request))


async def read_no_fields(request: Request) -> None:
    """Take the body of a request that has none, or an empty object; raises HttpProblem."""
    body = await _read(request)
    if not body:
        return
    _require_json(request)
    if _object(body):
        raise HttpProblem(422, "INVALID", "This takes no fields: leave the body empty.")


async def _read(request: Request) -> bytes:
    max_bytes: int = request.state.settings.max_body_bytes
    return await read_body(request.scope, request.receive, max_bytes=max_bytes)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except InvalidJson as error:
        raise HttpProblem(400, "INVALID_JSON", error.reason) from None
    if not isinstance(value, dict):
        detail = "The body must be a JSON object."
        place = {"detail": detail, "code": "INVALID", "pointer": "#"}
        raise HttpProblem(422, "INVALID", detail, errors=[place])
    return value


def _require_json(request: Request) -> None:
    # Also what keeps forms out: a page from elsewhere cannot send this type unasked.
    media_type, *parameters = request.headers.get("Content-Type", "").lower().split(";")
    charset = next(
        (value for value in map(str.strip, parameters) if value.startswith("charset=")), None
    )
    if media_type.strip() != "application/json" or charset not in _UTF_8:
        raise _unsupported("The body must be application/json, in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _unsupported("The body must not be compressed.")


_UTF_8 = frozenset({None, "charset=utf-8", 'charset="utf-8"', "charset=utf8"})


def _unsupported(detail: str) -> HttpProblem:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    return HttpProblem(415, "UNSUPPORTED_MEDIA_TYPE", detail, headers=headers)
