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
    sites, origins, host = set(), set(), None
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site":
            sites.add(value)
        elif name == b"origin":
            origins.add(value.decode("latin-1"))
        elif name == b"host":
            host = value.decode("latin-1")
    if sites <= _SAME_ORIGIN_SITES and (sites or not origins):
        return
    if origins:
        if origins.issubset(allowed_origins):
            return
        if not sites and {origin.partition("://")[2] for origin in origins} == {host}:
            return
    detail = "A page of another origin may not do this. Add its origin to CORS_ORIGINS to allow it."
    raise HttpProblem(403, "FORBIDDEN", detail)
