"""How long a connection waits for its client."""

from engine.database.timeouts import Timeouts

__all__ = ["ConnectionTimeouts"]

# Who is refused while still sending would lose the answer if we closed at once.
FAREWELL_S = 2.0


class ConnectionTimeouts:
    """The time limits of connections; all of a process share three timers."""

    def __init__(self, *, quiet_s: float, head_s: float) -> None:
        # Before the first request, and from one to two times as long after an answer: so it
        # need not begin anew with each.
        self.quiet = Timeouts(quiet_s)
        # From the first bytes of a request to the end of its head.
        self.head = Timeouts(head_s)
        # From a refusal to the end of the connection.
        self.farewell = Timeouts(FAREWELL_S)
