"""Check of responses against the OpenAPI document, as a hook of the tests' HTTP clients."""

import re
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from app.rest.openapi.document import openapi_document

__all__ = ["check_conformance"]

_ROOT = "urn:openapi"
# Headers of HTTP, of the security policy, and of CORS, which no operation describes.
_GENERAL_HEADERS = re.compile(
    r"access-control-.*|cache-control|connection|content-.*|cross-origin-.*|date|keep-alive"
    r"|referrer-policy|server|transfer-encoding|vary|x-content-type-options|x-frame-options"
)


def check_conformance(response: httpx2.Response) -> None:
    """Raise AssertionError if a REST response is not as the document describes it."""
    item = _path_item(response.request.url.raw_path.decode())
    is_preflight = "Access-Control-Request-Method" in response.request.headers
    if item is None or is_preflight:
        return
    response.read()
    method = response.request.method
    where = f"{method} {response.request.url}: {response.status_code}"
    pointer = _response_pointer(item, method, response.status_code)
    assert pointer is not None, f"{where} is not documented"
    described = _at(pointer)
    for name in response.headers:
        is_described = name in {header.lower() for header in described.get("headers", {})}
        assert is_described or _GENERAL_HEADERS.fullmatch(name), f"{where}: {name}"
    if method == "HEAD":
        return
    content = described.get("content", {})
    if not content:
        assert response.content == b"", where
        return
    media_type = response.headers["Content-Type"]
    assert media_type in content, f"{where}: {media_type}"
    errors = list(
        _validator(f"{pointer}/content/{_escaped(media_type)}/schema").iter_errors(response.json())
    )
    assert errors == [], f"{where}: {[error.message for error in errors]}\n{response.text[:2000]}"


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.escape(path).replace(r"\{id\}", "[^/?]+") + r"/?(\?.*)?"), path)
        for path in openapi_document()["paths"]
    ]


def _path_item(raw_path: str) -> str | None:
    """Return the path template of a URL; None if it is not a REST URL."""
    return next((path for pattern, path in _templates() if pattern.fullmatch(raw_path)), None)


def _response_pointer(path: str, method: str, status: int) -> str | None:
    """Return the JSON pointer to the description of a response."""
    documented = "get" if method == "HEAD" else method.lower()
    operation = openapi_document()["paths"][path].get(documented)
    if operation is None:
        return "/components/responses/MethodNotAllowed" if status == 405 else None
    response = operation["responses"].get(str(status))
    if response is None:
        return None
    if "$ref" in response:
        return str(response["$ref"]).removeprefix("#")
    return f"/paths/{_escaped(path)}/{documented}/responses/{status}"


def _at(pointer: str) -> dict[str, Any]:
    value: Any = openapi_document()
    for part in pointer.split("/")[1:]:
        value = value[part.replace("~1", "/").replace("~0", "~")]
    found: dict[str, Any] = value
    return found


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


@cache
def _validator(pointer: str) -> Draft202012Validator:
    resource = Resource.from_contents(openapi_document(), default_specification=DRAFT202012)
    # In a pointer of a URI, braces are percent-encoded.
    fragment = pointer.replace("{", "%7B").replace("}", "%7D")
    return Draft202012Validator(
        {"$ref": f"{_ROOT}#{fragment}"},
        registry=Registry().with_resource(_ROOT, resource),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
