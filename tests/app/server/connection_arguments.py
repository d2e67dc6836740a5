"""What the connections of a server share, with limits that no test meets unless it says so."""

from functools import partial
from typing import Any

from app.http.received_input import ReceivedInput
from app.server.backlog import Backlog
from app.server.http_connection import HttpConnection
from app.server.input_scheduler import InputScheduler
from app.server.listening import ACCEPTS_PER_TURN
from app.server.message_reader import WebSocketLimits
from app.server.open_connections import OpenConnections
from app.server.request_scheduler import RequestScheduler, WaitingRequests
from app.server.timeouts import ConnectionTimeouts
from app.server.unread_responses import UnreadResponses
from app.server.websocket_connection import WebSocketConnection
from tests.app.server.echo import WEBSOCKET_PATH

FOREVER_S = 3600.0


def connection_arguments(
    *,
    timeouts: ConnectionTimeouts | None = None,
    unread: UnreadResponses | None = None,
    received: ReceivedInput | None = None,
    scheduler: InputScheduler | None = None,
) -> dict[str, Any]:
    """Return the arguments of uvicorn's configuration with our connections."""
    backlog = Backlog(accepts_per_turn=ACCEPTS_PER_TURN)
    shared: dict[str, Any] = {
        "timeouts": timeouts or ConnectionTimeouts(idle_s=FOREVER_S, header_s=FOREVER_S),
        "connections": OpenConnections(
            max_total=1_000, max_unknown_of_address=1_000, max_of_caller=1_000, descriptors=10_000
        ),
        "scheduler": scheduler or InputScheduler(backlog),
        "received": received or ReceivedInput(max_body_bytes=2**30),
        "unread": unread
        or UnreadResponses(
            timeout_s=FOREVER_S, max_bytes_per_caller=2**30, max_bytes_in_total=2**30
        ),
    }
    limits = WebSocketLimits(max_frames=2**30, max_bytes=2**30)
    return {
        "http": partial(
            HttpConnection,
            **shared,
            requests=RequestScheduler(backlog),
            waiting=WaitingRequests(),
            websocket_paths=(WEBSOCKET_PATH,),
        ),
        "ws": partial(WebSocketConnection, **shared, limits=limits),
    }
