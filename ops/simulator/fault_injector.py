"""Inject faults into the calls of the served simulator, as its fault settings define them."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ops.simulator.call_record import RecordedCall
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.simulator import chance

__all__ = ["ABORT_EXTENSION", "FaultInjector", "json_response", "wait_for_disconnect"]

# An ASGI extension with a function "abort" that drops the connection.
ABORT_EXTENSION = "simulator.abort"

_MALFORMED = (b"", b"<html>It works!</html>", b'{"reference": ', b"[1, 2]", b"\xff\xfe", b"null")


class FaultInjector:
    """Faults of one call; the same seed, key and attempt always get the same faults."""

    def __init__(self, fault_settings: FaultSettings, call: RecordedCall, nonce: str) -> None:
        self._settings = fault_settings
        self._call = call
        self._nonce = nonce

    async def before(self, request: Request) -> Response | None:
        """Return the response that replaces the call; None if OPS handles the call."""
        settings = self._settings
        response: Response | None = None
        if settings.is_down:
            self._call.outcome = "down"
            response = json_response({"error": "down"}, HTTPStatus.SERVICE_UNAVAILABLE)
        elif self._occurs("too many", settings.too_many_rate):
            self._call.outcome = "too many"
            response = json_response(
                {"error": "slow down"},
                HTTPStatus.TOO_MANY_REQUESTS,
                {"Retry-After": str(settings.retry_after_s)},
            )
        elif self._occurs("hang", settings.hang_rate):
            self._call.outcome = "hung"
            await wait_for_disconnect(request)
            response = Response()
        elif self._is_reset and not self._is_reset_late:
            self._call.outcome = "reset"
            response = _DroppedConnection()
        return response

    def after(self, response: Response) -> Response:
        """Return the response that the client gets after OPS has handled the call."""
        if self._is_reset:
            self._call.outcome = f"{self._call.outcome}, then reset"
            return _DroppedConnection()
        if self._occurs("garbage", self._settings.garbage_rate):
            self._call.outcome = f"{self._call.outcome}, then garbage"
            body = _MALFORMED[self._call.number % len(_MALFORMED)]
            return Response(body, media_type="application/json")
        return response

    @property
    def _is_reset(self) -> bool:
        return self._occurs("reset", self._settings.reset_rate)

    @property
    def _is_reset_late(self) -> bool:
        return self._occurs("reset late", 0.5)

    def _occurs(self, fault: str, rate: float) -> bool:
        return chance(self._settings.seed, fault, self._call.key, self._nonce) < rate


class _DroppedConnection(Response):
    """Drop the connection instead of sending a response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        scope["extensions"][ABORT_EXTENSION]["abort"]()
        while (await receive())["type"] != "http.disconnect":
            pass


async def wait_for_disconnect(request: Request) -> None:
    """Wait until the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json_response(
    content: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with a JSON body."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
