"""No page of another site may act here in its visitor's name (cross-site request forgery).

Browsers say where a request comes from: Sec-Fetch-Site, or in old ones Origin.
Whatever is not a browser sends neither, and is not meant. (The algorithm of Go's
net/http.CrossOriginProtection, whose documentation has the reasons.)
"""

from collections.abc import Collection

from starlette.types import Scope

from app.http.problem import HttpProblem

__all__ = ["refuse_cross_origin"]

_HARMLESS = frozenset({b"same-origin", b"none"})


def refuse_cross_origin(scope: Scope, *, allowed_origins: Collection[str]) -> None:
    """Raise HttpProblem (403) for a request that a browser sends for a page from elsewhere.

    For everything that has an effect; an origin of CORS_ORIGINS is not elsewhere.
    """
    site = origin = host = None
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site":
            site = value
        elif name == b"origin":
            origin = value
        elif name == b"host":
            host = value
    if site in _HARMLESS or (site is None and origin is None):
        return
    if origin is not None:
        if "*" in allowed_origins or origin.decode("latin-1") in allowed_origins:
            return
        if site is None and origin.partition(b"://")[2] == host:
            return
    detail = "A page from elsewhere may not do this; CORS_ORIGINS can name its origin."
    raise HttpProblem(403, "FORBIDDEN", detail)
