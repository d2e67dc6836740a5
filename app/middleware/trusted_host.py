"""For which Host a request may be (RFC 9110, section 7.2).

A stranger can have the name of his page lead to this machine (DNS rebinding). A browser then
takes us for a part of it, and lets it read and change everything; but the Host still is that
name. Where a credential is asked for, such a page has none. Where everybody is let in from
this machine alone, the name must be one that nobody else can have.
"""

import re
from collections.abc import Awaitable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app.config.settings import Settings
from app.config.urls import is_loopback
from app.http.problem import HttpProblem, problem_response

__all__ = ["TrustedHostMiddleware"]

_LOCAL = "localhost"
# Longer than any name with its port; no more is kept of one.
_MAX_LENGTH = 300
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?", re.IGNORECASE)


class TrustedHostMiddleware:
    """Refuses requests that name no Host, and where it matters those that name one not ours."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        # Who listens for others with AUTH=off lets everybody in, pages too.
        self._takes_any = settings.auth == "required" or not is_loopback(settings.host)
        self._names = {_LOCAL, *(urlsplit(origin).hostname for origin in settings.cors_origins)}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and (self._takes_any or _name(hosts[0][:_MAX_LENGTH]) in self._names):
            return self.app(scope, receive, send)
        if not hosts and scope["http_version"] == "1.0":
            # No browser is that old.
            return self.app(scope, receive, send)
        return self._refuse(len(hosts), scope, receive, send)

    async def _refuse(self, hosts: int, scope: Scope, receive: Receive, send: Send) -> None:
        if hosts != 1:
            # RFC 9112, section 3.2.
            problem = HttpProblem(400, "BAD_REQUEST", "A request must have one Host header.")
        else:
            detail = (
                "Access is open on this machine alone, to requests for it by a name like localhost."
                " An origin in CORS_ORIGINS can give it another one."
            )
            problem = HttpProblem(421, "MISDIRECTED_REQUEST", detail)
        await problem_response(problem, scope)(scope, receive, send)


@lru_cache(maxsize=256)
def _name(host: bytes) -> str:
    """Return the name in a Host, in small letters; one for all that mean this machine."""
    match = _HOST.fullmatch(host.decode("latin-1"))
    name = match[1].lower().removesuffix(".") if match else ""
    # Names under localhost are this machine's, too (RFC 6761, section 6.3).
    return _LOCAL if is_loopback(name) or name.endswith(f".{_LOCAL}") else name
