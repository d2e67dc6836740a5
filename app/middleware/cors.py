"""Allow pages of other origins to call the API (the CORS protocol of the Fetch standard)."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.problem import HttpProblem, problem_response

__all__ = ["EXPOSED_HEADERS", "REQUEST_HEADERS", "CorsMiddleware"]

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
# Time in which a browser need not repeat a preflight request.
MAX_AGE_S = 600
# Request headers of browsers, of this API, of GraphQL clients and of tracing.
REQUEST_HEADERS = (
    *("accept", "accept-language", "content-language", "content-type", "content-encoding"),
    *("authorization", "cache-control", "pragma", "prefer", "range", "last-event-id"),
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"),
    *("idempotency-key", "x-request-id", "x-correlation-id", "x-requested-with", "x-graphql-cost"),
    "ticketops-position",
    *("apollo-require-preflight", "x-apollo-operation-name", "x-apollo-operation-id"),
    *("apollographql-client-name", "apollographql-client-version", "graphql-client-name"),
    *("graphql-client-version", "x-graphql-client-name", "x-graphql-client-version"),
    *("graphql-preflight", "graphql-require-preflight", "x-graphql-event-stream-token"),
    *("traceparent", "tracestate", "baggage", "sentry-trace", "b3", "uber-trace-id", "newrelic"),
    *("x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"),
    *("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-tags"),
    *("x-datadog-sampling-priority", "x-amzn-trace-id", "x-cloud-trace-context"),
    *("elastic-apm-traceparent",),
)
# Response headers that a page can read, in addition to those that every page can.
EXPOSED_HEADERS = (
    *("Accept", "Accept-Encoding", "Allow", "Date", "ETag", "Link", "Location"),
    *("RateLimit", "RateLimit-Limit", "RateLimit-Policy", "RateLimit-Remaining", "RateLimit-Reset"),
    *("Retry-After", "Ticketops-Position", "WWW-Authenticate", "X-Request-Id"),
)
_ALLOW_ORIGIN = b"access-control-allow-origin"
_VARY = b"Origin"
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_MAX_QUOTED_LENGTH = 100


class CorsMiddleware:
    """Respond to preflight requests, and mark responses that pages of these origins may read.

    ``request_headers`` are allowed in addition to REQUEST_HEADERS; "*" allows all. Requests never
    carry cookies, so a page gains nothing without a credential of its own.
    """

    def __init__(
        self, app: ASGIApp, *, origins: Collection[str], request_headers: Collection[str]
    ) -> None:
        self.app = app
        self._origins = frozenset(origins)
        self._allows_all_headers = "*" in request_headers
        self._request_headers = dict.fromkeys([*REQUEST_HEADERS, *request_headers])
        self._exposed = ", ".join(EXPOSED_HEADERS).encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            origin = None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_headers(message.get("headers", ()), origin)
            await send(message)

        app = self.app
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            app = self._preflight_response(scope, headers, is_allowed=origin is not None)
        await app(scope, receive, send_with_headers)

    def _preflight_response(self, scope: Scope, headers: Headers, *, is_allowed: bool) -> ASGIApp:
        if not is_allowed:
            detail = "Pages of this origin may not call the API. Add the origin to CORS_ORIGINS."
            return problem_response(HttpProblem(403, "FORBIDDEN", detail), scope)
        requested = [
            name.strip().lower()
            for line in headers.getlist("access-control-request-headers")
            for name in line.split(",")
            if name.strip()
        ]
        allowed = dict.fromkeys(requested) if self._allows_all_headers else self._request_headers
        refused = [name for name in requested if name not in allowed]
        method = headers["access-control-request-method"]
        response_headers = {
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": ", ".join(allowed),
            "Access-Control-Max-Age": str(MAX_AGE_S),
            "Vary": _PREFLIGHT_VARY,
        }
        if "access-control-request-private-network" in headers:
            response_headers["Access-Control-Allow-Private-Network"] = "true"
        if refused or method not in METHODS:
            detail = f"Pages may not use the method {method[:_MAX_QUOTED_LENGTH]}."
            if refused:
                name = refused[0][:_MAX_QUOTED_LENGTH]
                detail = f"Pages may not send the header {name}. Add it to CORS_HEADERS."
            problem = HttpProblem(403, "FORBIDDEN", detail, headers=response_headers)
            return problem_response(problem, scope)
        return Response(status_code=204, headers=response_headers)

    def _with_headers(
        self, headers: Collection[tuple[bytes, bytes]], origin: str | None
    ) -> list[tuple[bytes, bytes]]:
        all_headers = [*headers]
        if not any(name == b"vary" and _VARY in value for name, value in headers):
            all_headers.append((b"vary", _VARY))
        if origin is not None:
            # A public resource allows every origin by itself; a second value is not valid.
            all_headers = [header for header in all_headers if header[0] != _ALLOW_ORIGIN]
            all_headers += [
                (_ALLOW_ORIGIN, origin.encode("latin-1")),
                (b"access-control-expose-headers", self._exposed),
            ]
        return all_headers
