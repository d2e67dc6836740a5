"""The boundary around every request: its id, its headers, its line in the log.

Pure ASGI, and the outermost layer: what it costs, every request pays.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_log import log_request
from app.http.request_record import begin_record
from app.http.security_headers import secured

__all__ = ["RequestBoundary"]


class RequestBoundary:
    """Gives each HTTP request a record, and each answer its request id and security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it, whatever became of it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        record = begin_record(scope)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = secured(message.get("headers", ()))
                headers.append((b"x-request-id", record.request_id.encode("ascii")))
                message["headers"] = headers
            await send(message)

        try:
            await self.app(scope, receive, send_completed)
        finally:
            log_request(scope, record)
