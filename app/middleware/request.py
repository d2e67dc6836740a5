"""The boundary around every request: its id, its headers, its line in the log.

Pure ASGI, and the outermost layer: what it costs, every request pays.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_record import begin_record
from app.http.security_headers import secured
from app.middleware.request_log import log_request
from app.monitoring.metrics import count_request

__all__ = ["RequestMiddleware"]

SWITCHING_PROTOCOLS = 101
FORBIDDEN = 403
# The messages that an answer begins with; the status of an accepted WebSocket is not told.
_BEGINNINGS = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


class RequestMiddleware:
    """Gives each request a record, and each answer its request id and security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it, whatever became of it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        record = begin_record(scope)

        async def send_completed(message: Message) -> None:
            kind = message["type"]
            if kind in _BEGINNINGS:
                record.status = message.get("status", SWITCHING_PROTOCOLS)
                headers = secured(message.get("headers", ()))
                headers.append((b"x-request-id", record.request_id.encode("ascii")))
                headers += record.headers
                message["headers"] = headers
            elif kind == "websocket.close" and not record.status:
                # Closed before it was accepted: that is how a handshake is refused.
                record.status = FORBIDDEN
            await send(message)

        try:
            await self.app(scope, receive, send_completed)
        finally:
            record.took_s = time.perf_counter() - record.started_s
            count_request(record)
            log_request(scope, record)
