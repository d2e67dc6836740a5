"""The outermost middleware: request ids, response headers, metrics and the request log.

It is plain ASGI, because every request pays for it.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_record import begin_record
from app.http.security_headers import with_security_headers
from app.middleware.request_log import log_request
from app.monitoring.request_counts import count_request

__all__ = ["RequestMiddleware"]

SWITCHING_PROTOCOLS = 101
FORBIDDEN = 403
# Messages that begin a response; all but "websocket.accept" have a status.
_RESPONSE_STARTS = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


class RequestMiddleware:
    """Add a record to each request, and request id and security headers to each response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; count and log it, also after a failure."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        record = begin_record(scope)

        async def send_with_headers(message: Message) -> None:
            message_type = message["type"]
            if message_type in _RESPONSE_STARTS:
                record.status = message.get("status", SWITCHING_PROTOCOLS)
                headers = with_security_headers(message.get("headers", ()))
                headers.append((b"x-request-id", record.request_id.encode("ascii")))
                headers += record.headers
                message["headers"] = headers
            elif message_type == "websocket.close" and not record.status:
                # A WebSocket closed before it is accepted: the server responds 403.
                record.status = FORBIDDEN
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            record.took_s = time.perf_counter() - record.started_s
            count_request(record, scope["path"] if scope["type"] == "http" else None)
            log_request(scope, record)
