"""Conditional GET requests for persisted documents.

A client may cache the response if it revalidates it each time. The URL is short, and the same for
every client that sends the same request (RFC 9111, sections 5.2.2.4 and 4.3.4).
"""

from hashlib import blake2b

from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from app.http.entity_tags import matches_any
from app.http.raw_response import RawResponse

__all__ = ["conditional_response"]


def conditional_response(scope: Scope, response: RawResponse) -> ASGIApp:
    """Add an entity tag to a response; return 304 if the client has this response already."""
    tag = _opaque_tag(response)
    headers = {
        # Only for this caller, and revalidated each time: a ticket can change at any moment.
        "cache-control": "private, no-cache",
        "vary": "Accept, Authorization",
        # Weak, because a proxy may compress the body.
        "etag": f'W/"{tag}"',
    }
    if matches_any(scope["headers"], tag):
        return Response(status_code=304, headers=headers)
    raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    other_headers = [header for header in response.headers if header[0] != b"vary"]
    return RawResponse(response.status, other_headers + raw, response.body)


def _opaque_tag(response: RawResponse) -> str:
    # The media type is part of the tag, because it is part of the representation.
    content = dict(response.headers)[b"content-type"] + response.body
    return blake2b(content, digest_size=16).hexdigest()
