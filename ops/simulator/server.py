"""HTTP application of the simulated OPS.

In addition to the OPS protocol (docs/reference/ops-protocol.md) it has ``GET
/simulator/calls``, the record of all calls, and ``GET`` and ``PATCH /simulator/faults``, the
fault settings. ``/simulator/knobs`` is the former name of the latter.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ops.clients.http import ATTEMPT_HEADER, KEY_HEADER
from ops.clients.protocol import Accepted, FailureKind, OpsFailure, StatusReport
from ops.simulator.call_record import CallRecord, RecordedCall
from ops.simulator.fault_injector import FaultInjector, json_response, wait_for_disconnect
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.simulator import Simulator

__all__ = ["SimulatorServer"]

_STATUS_OF = {
    FailureKind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    FailureKind.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    FailureKind.NOT_FOUND: HTTPStatus.NOT_FOUND,
}


class SimulatorServer:
    """The application with its fault settings and the record of its calls."""

    def __init__(self, fault_settings: FaultSettings, *, token: str | None = None) -> None:
        self.fault_settings = fault_settings
        self.record = CallRecord()
        self._token = token
        self.application = Starlette(
            routes=[
                Route("/tickets", self._submit, methods=["POST"]),
                Route("/tickets/{reference}", self._status, methods=["GET"]),
                Route("/simulator/calls", self._show_calls, methods=["GET"]),
                *(
                    Route(path, endpoint, methods=[method])
                    for path in ("/simulator/faults", "/simulator/knobs")
                    for method, endpoint in (
                        ("GET", self._show_faults),
                        ("PATCH", self._change_faults),
                    )
                ),
            ]
        )

    async def _submit(self, request: Request) -> Response:
        payload = await request.body()
        key = request.headers.get(KEY_HEADER)
        if not self._is_authenticated(request):
            return json_response({"error": "invalid token"}, HTTPStatus.UNAUTHORIZED)
        if not key:
            return json_response({"error": f"{KEY_HEADER} is missing"}, HTTPStatus.BAD_REQUEST)
        attempt = _number(request.headers.get(ATTEMPT_HEADER))
        with self.record.call("submit", key, attempt=attempt, ticket_id=_id_of(payload)) as call:
            return await self._handle(request, call, str(attempt), payload)

    async def _status(self, request: Request) -> Response:
        reference = request.path_params["reference"]
        if not self._is_authenticated(request):
            return json_response({"error": "invalid token"}, HTTPStatus.UNAUTHORIZED)
        with self.record.call("status", reference) as call:
            return await self._handle(request, call, str(call.number), None)

    async def _handle(
        self, request: Request, call: RecordedCall, nonce: str, payload: bytes | None
    ) -> Response:
        """Handle a call with the faults of the settings; a call without payload reads a status."""
        faults = FaultInjector(self.fault_settings, call, nonce)
        response = await faults.before(request)
        if response is None:
            handled = await _until_disconnect(request, self._respond(call, payload))
            response = Response() if handled is None else faults.after(handled)
        return response

    async def _respond(self, call: RecordedCall, payload: bytes | None) -> Response:
        simulator = Simulator(self.fault_settings.simulator)
        result: Accepted | StatusReport
        status = HTTPStatus.OK
        try:
            if payload is None:
                result = await simulator.status(call.key)
            else:
                result = await simulator.submit("", key=call.key, attempt=call.attempt or 1)
                is_new = self.record.accept(call.key, payload)
                if is_new is None:
                    call.outcome = "conflict"
                    message = "this key was used with another ticket"
                    return json_response({"error": message}, HTTPStatus.UNPROCESSABLE_ENTITY)
                status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        except OpsFailure as failure:
            call.outcome = failure.kind.value
            return json_response(failure.response, _STATUS_OF[failure.kind])
        call.outcome, call.reference = "accepted", result.reference
        return json_response(result.response, status)

    async def _show_calls(self, request: Request) -> Response:
        after = _number(request.query_params.get("after")) or 0
        return json_response([asdict(call) for call in self.record.calls if call.number > after])

    async def _show_faults(self, _: Request) -> Response:
        return json_response(asdict(self.fault_settings))

    async def _change_faults(self, request: Request) -> Response:
        try:
            self.fault_settings = self.fault_settings.updated(orjson.loads(await request.body()))
        except ValueError as error:
            return json_response({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        return json_response(asdict(self.fault_settings))

    def _is_authenticated(self, request: Request) -> bool:
        if self._token is None:
            return True
        authorization = request.headers.get("Authorization", "")
        return compare_digest(authorization.encode(), f"Bearer {self._token}".encode())


async def _until_disconnect(
    request: Request, work: Coroutine[Any, Any, Response]
) -> Response | None:
    """Return the result of the work; None if the client disconnects before it is done."""
    working = asyncio.create_task(work)
    disconnecting = asyncio.create_task(wait_for_disconnect(request))
    await asyncio.wait([working, disconnecting], return_when=asyncio.FIRST_COMPLETED)
    disconnecting.cancel()
    if not working.done():
        working.cancel()
        return None
    return working.result()


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None


def _id_of(payload: bytes) -> str | None:
    try:
        ticket = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return str(ticket["id"]) if isinstance(ticket, dict) and "id" in ticket else None
