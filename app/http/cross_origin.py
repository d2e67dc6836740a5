"""Protection against cross-site request forgery.

Browsers state in Sec-Fetch-Site whether a request comes from a page of the same origin; older
browsers send only Origin.
Other clients send neither and are not affected. The algorithm is the same as in Go's
net/http.CrossOriginProtection, whose documentation gives the reasons.
"""

from collections.abc import Collection

from starlette.types import Scope

from app.http.problem import HttpProblem

__all__ = ["refuse_cross_origin"]

_SAME_ORIGIN_SITES = frozenset({b"same-origin", b"none"})


def refuse_cross_origin(scope: Scope, *, allowed_origins: Collection[str]) -> None:
    """Raise HttpProblem (403) if a browser sends a request for a page of another origin.

    Call it before every operation that has an effect. Origins in CORS_ORIGINS are allowed.
    """
    site = origin = host = None
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site":
            site = value
        elif name == b"origin":
            origin = value
        elif name == b"host":
            host = value
    if site in _SAME_ORIGIN_SITES or (site is None and origin is None):
        return
    if origin is not None:
        if "*" in allowed_origins or origin.decode("latin-1") in allowed_origins:
            return
        if site is None and origin.partition(b"://")[2] == host:
            return
    detail = "A page of another origin may not do this. Add its origin to CORS_ORIGINS to allow it."
    raise HttpProblem(403, "FORBIDDEN", detail)
