"""Answers that a cache may keep, if it asks each time whether they are still right.

Those to a document that is asked for by its hash over GET: its URL is short, and the
same for everybody who asks the same (RFC 9111, sections 5.2.2.4 and 4.3.4).
"""

from hashlib import blake2b

from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from app.http.raw_response import RawResponse

__all__ = ["revalidated"]


def revalidated(scope: Scope, answer: RawResponse) -> ASGIApp:
    """Return the answer with its entity tag, or 304 where the client has that very answer."""
    headers = {
        # Of one caller alone, and never without asking: a ticket may change at any time.
        "cache-control": "private, no-cache",
        "vary": "Accept, Authorization",
        "etag": _tag(answer),
    }
    if headers["etag"] in _known_tags(scope):
        return Response(status_code=304, headers=headers)
    raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    kept = [header for header in answer.headers if header[0] != b"vary"]
    return RawResponse(answer.status, kept + raw, answer.body)


def _tag(answer: RawResponse) -> str:
    # Weak: the same data in another media type has a tag of its own, but a proxy may
    # compress either.
    content = dict(answer.headers)[b"content-type"] + answer.body
    return f'W/"{blake2b(content, digest_size=16).hexdigest()}"'


def _known_tags(scope: Scope) -> set[str]:
    return {
        tag.strip()
        for name, value in scope["headers"]
        if name == b"if-none-match"
        for tag in value.decode("latin-1").split(",")
    }
