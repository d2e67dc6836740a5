"""``GET /openapi.json``: the OpenAPI document, for everyone and for caches."""

from functools import cache
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

from app.http.entity_tags import matches_any
from app.rest.openapi.document import openapi_text

__all__ = ["openapi_json"]

# Browsers and proxies can keep the document; it changes only with the version of the server.
_MAX_AGE_S = 3600


async def openapi_json(request: Request) -> Response:
    """Respond with the document, or 304 if the client has it. No credential is needed."""
    body, etag = _encoded()
    headers = {
        "Cache-Control": f"public, max-age={_MAX_AGE_S}",
        "ETag": etag,
        # The document is public, so pages of other sites may read it.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if matches_any(request.scope["headers"], etag.strip('"')):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@cache
def _encoded() -> tuple[bytes, str]:
    """Return the document and its entity tag; building it takes some milliseconds."""
    body = openapi_text().encode()
    return body, f'"{blake2b(body, digest_size=16).hexdigest()}"'
