"""HTTP server of the simulated OPS, which can drop its connections."""

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ops.simulator.fault_injector import ABORT_EXTENSION
from ops.simulator.server import SimulatorServer

__all__ = ["serve_simulator"]


class _DroppableProtocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT_EXTENSION: {"abort": self.transport.abort}}


def serve_simulator(simulator: SimulatorServer, *, host: str, port: int) -> uvicorn.Server:
    """Return a server. Call its ``serve()`` in an event loop, or its ``run()`` in a process."""
    config = uvicorn.Config(
        simulator.application,
        host=host,
        port=port,
        http=_DroppableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Do not wait for calls that hang.
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
