"""Time limits of HTTP connections."""

from engine.database.timeouts import Timeouts

__all__ = ["LINGER_S", "MAX_LINGER_S", "WEBSOCKET_LINGER_S", "ConnectionTimeouts"]

# A connection whose response precedes the end of its request stays open until its client has sent
# nothing for this long, and at most for MAX_LINGER_S, so that a client that is still sending
# receives the response. Closing at once would reset the connection.
LINGER_S = 5.0
MAX_LINGER_S = 30.0
# As above, after the close frame of a WebSocket that has failed. Its client receives it sooner,
# because it reads while it sends.
WEBSOCKET_LINGER_S = 2.0
# Time in which a client must complete the closing handshake of a WebSocket.
CLOSE_S = 10.0


class ConnectionTimeouts:
    """The time limits of a process's connections; each kind needs one timer for all of them.

    ``idle``: until the first byte of a request. It is checked once per period, not restarted by
    each response, so a connection closes after one to two periods without a request.
    ``header``: from the first byte of a request to the end of its head.
    ``message``: from the first bytes of a WebSocket's message to its end. As long as ``header``.
    ``linger``: from a response to a request that is not complete until its end. It starts again,
    up to MAX_LINGER_S, while the client sends.
    ``close``: from the start of a WebSocket's closing handshake until the connection closes.
    """

    def __init__(self, *, idle_s: float, header_s: float) -> None:
        self.idle = Timeouts(idle_s)
        self.header = Timeouts(header_s)
        self.message = Timeouts(header_s)
        self.linger = Timeouts(LINGER_S)
        self.close = Timeouts(CLOSE_S)
