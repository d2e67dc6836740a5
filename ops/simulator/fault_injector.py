"""What the served simulator does to a call instead of answering it, as its knobs are turned."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ops.simulator.call_record import RecordedCall
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.simulator import chance

__all__ = ["ABORT_EXTENSION", "FaultInjector", "gone", "json_response"]

# An extension of ASGI, whose "abort" is a function that drops the connection.
ABORT_EXTENSION = "simulator.abort"

_NONSENSE = (b"", b"<html>It works!</html>", b'{"reference": ', b"[1, 2]", b"\xff\xfe", b"null")


class FaultInjector:
    """What befalls one call: always the same for the same seed, key and attempt."""

    def __init__(self, fault_settings: FaultSettings, call: RecordedCall, nonce: str) -> None:
        self._knobs = fault_settings
        self._call = call
        self._nonce = nonce

    async def before(self, request: Request) -> Response | None:
        """Return what the call gets instead of being looked at; None where it is."""
        fault_settings = self._knobs
        response: Response | None = None
        if fault_settings.is_down:
            self._call.outcome = "down"
            response = json_response({"error": "down"}, HTTPStatus.SERVICE_UNAVAILABLE)
        elif self._hits("too many", fault_settings.too_many_rate):
            self._call.outcome = "too many"
            response = json_response(
                {"error": "slow down"},
                HTTPStatus.TOO_MANY_REQUESTS,
                {"Retry-After": str(fault_settings.retry_after_s)},
            )
        elif self._hits("hang", fault_settings.hang_rate):
            self._call.outcome = "hung"
            await gone(request)
            response = Response()
        elif self._is_reset and not self._is_reset_late:
            self._call.outcome = "reset"
            response = _Dropped()
        return response

    def after(self, response: Response) -> Response:
        """Return what the call gets for its answer."""
        if self._is_reset:
            self._call.outcome = f"{self._call.outcome}, then reset"
            return _Dropped()
        if self._hits("garbage", self._knobs.garbage_rate):
            self._call.outcome = f"{self._call.outcome}, then garbage"
            nonsense = _NONSENSE[self._call.number % len(_NONSENSE)]
            return Response(nonsense, media_type="application/json")
        return response

    @property
    def _is_reset(self) -> bool:
        return self._hits("reset", self._knobs.reset_rate)

    @property
    def _is_reset_late(self) -> bool:
        return self._hits("reset late", 0.5)

    def _hits(self, what: str, rate: float) -> bool:
        return chance(self._knobs.seed, what, self._call.key, self._nonce) < rate


class _Dropped(Response):
    """No answer: the connection is dropped."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        scope["extensions"][ABORT_EXTENSION]["abort"]()
        while (await receive())["type"] != "http.disconnect":
            pass


async def gone(request: Request) -> None:
    """Wait until the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json_response(
    content: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a value as an answer."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
