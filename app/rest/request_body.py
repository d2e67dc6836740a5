"""Request bodies of REST: a JSON object, or nothing."""

from typing import Any

from starlette.requests import Request

from app.http.body import read_content
from app.http.content_coding import ACCEPTED_CODINGS, InvalidContent, UnsupportedCoding
from app.http.json_body import InvalidJson, TooManyValues, parse_json
from app.http.problem import HttpProblem

__all__ = ["read_json_object", "require_empty_body"]


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the object in the body; raise HttpProblem.

    415 for another media type, 413 for a large body, 400 for invalid JSON, 422 for another type.
    """
    _require_json(request)
    return _object(request, await _read(request))


async def require_empty_body(request: Request) -> None:
    """Raise HttpProblem unless the body is empty or an empty JSON object."""
    body = await _read(request)
    if not body:
        return
    _require_json(request)
    if _object(request, body):
        raise HttpProblem(422, "INVALID", "This operation has no fields. Leave the body empty.")


async def _read(request: Request) -> bytes:
    max_bytes: int = request.state.settings.max_body_bytes
    try:
        return await read_content(request.scope, request.receive, max_bytes=max_bytes)
    except UnsupportedCoding as error:
        raise _unsupported(str(error)) from None
    except InvalidContent as error:
        raise HttpProblem(400, "INVALID", str(error)) from None


def _object(request: Request, body: bytes) -> dict[str, Any]:
    max_values: int = request.state.settings.max_json_values
    try:
        value = parse_json(body, max_values=max_values)
    except TooManyValues as excess:
        raise HttpProblem(413, "PAYLOAD_TOO_LARGE", excess.reason) from None
    except InvalidJson as invalid:
        raise HttpProblem(400, "INVALID_JSON", invalid.reason) from None
    if not isinstance(value, dict):
        detail = "The body must be a JSON object."
        error = {"detail": detail, "code": "INVALID", "pointer": "#"}
        raise HttpProblem(422, "INVALID", detail, errors=[error])
    return value


def _require_json(request: Request) -> None:
    # This also rejects HTML forms: a page of another site cannot send JSON without a preflight.
    media_type, *parameters = _content_type(request).split(";")
    charset = next(
        (value for value in map(str.strip, parameters) if value.startswith("charset=")), None
    )
    if media_type.strip() != "application/json" or charset not in _UTF_8:
        raise _unsupported("The body must be application/json, in UTF-8.")


def _content_type(request: Request) -> str:
    return ", ".join(request.headers.getlist("Content-Type")).lower()


_UTF_8 = frozenset({None, "charset=utf-8", 'charset="utf-8"', "charset=utf8"})


def _unsupported(detail: str) -> HttpProblem:
    headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_CODINGS}
    return HttpProblem(415, "UNSUPPORTED_MEDIA_TYPE", detail, headers=headers)
