"""Reject requests for another Host (RFC 9110, section 7.2): protection against DNS rebinding.

In a DNS rebinding attack a web page makes its own domain name resolve to this machine. The
browser then treats our API as part of the page and lets it read and change everything, but the
Host header still has the attacker's name. With AUTH=required the page lacks a credential. With
AUTH=off on a loopback address, only names that no attacker can own are accepted.
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
# Longer than any host name with a port. Bounds the keys of the cache.
_MAX_LENGTH = 300
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?", re.IGNORECASE)


class TrustedHostMiddleware:
    """Reject requests without exactly one Host, and for unknown hosts if access is open locally."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        # A server with AUTH=off on a public address is open to every web page anyway.
        self._accepts_any_host = settings.auth == "required" or not is_loopback(settings.host)
        self._host_names = {
            _LOCAL,
            # The origins of desktop programs and browser extensions contain no host name.
            *(
                urlsplit(origin).hostname
                for origin in settings.cors_origins
                if origin.startswith(("http:", "https:"))
            ),
        }

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request."""
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and (
            self._accepts_any_host or _host_name(hosts[0][:_MAX_LENGTH]) in self._host_names
        ):
            return self.app(scope, receive, send)
        if not hosts and scope["http_version"] == "1.0":
            # HTTP/1.0 does not require Host, and no browser uses it.
            return self.app(scope, receive, send)
        return self._reject(len(hosts), scope, receive, send)

    async def _reject(self, host_count: int, scope: Scope, receive: Receive, send: Send) -> None:
        if host_count != 1:
            # RFC 9112, section 3.2.
            problem = HttpProblem(
                400, "BAD_REQUEST", "A request must have exactly one Host header."
            )
        else:
            detail = (
                "With AUTH=off this server accepts only Host names of this machine, such as"
                " localhost. Use such a name, or add an origin with the name to CORS_ORIGINS."
            )
            problem = HttpProblem(421, "MISDIRECTED_REQUEST", detail)
        await problem_response(problem, scope)(scope, receive, send)


@lru_cache(maxsize=256)
def _host_name(host: bytes) -> str:
    """Return the lower-case name in a Host header; "localhost" for each name of this machine."""
    match = _HOST.fullmatch(host.decode("latin-1"))
    name = match[1].lower().removesuffix(".") if match else ""
    # Subdomains of localhost are loopback names, too (RFC 6761, section 6.3).
    return _LOCAL if is_loopback(name) or name.endswith(f".{_LOCAL}") else name
