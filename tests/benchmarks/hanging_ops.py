"""A simulated OPS that hangs on some tickets."""

import time
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from ops.clients.http import KEY_HEADER
from ops.simulator.fault_injector import wait_for_disconnect
from ops.simulator.fault_settings import FaultSettings
from ops.simulator.server import SimulatorServer

__all__ = ["HangingOps"]


class HangingOps(SimulatorServer):
    """The simulator, which never responds to calls with some keys."""

    def __init__(self, fault_settings: FaultSettings, *, keys: Collection[str]) -> None:
        super().__init__(fault_settings)
        self._keys = keys
        # Of the first call, in seconds since the epoch; None before it.
        self.began_at: float | None = None

    async def _submit(self, request: Request) -> Response:
        if self.began_at is None:
            self.began_at = time.time()
        if request.headers.get(KEY_HEADER) not in self._keys:
            return await super()._submit(request)
        await wait_for_disconnect(request)
        return Response()
