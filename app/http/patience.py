"""How long a connection waits for its client."""

from engine.deadlines import Deadlines

__all__ = ["Patience"]

# Who is refused while still sending would lose the answer if we closed at once.
FAREWELL_S = 2.0


class Patience:
    """The time limits of connections; all of a process share three timers."""

    def __init__(self, *, quiet_s: float, head_s: float) -> None:
        # Before the first request, and from one to two times as long after an answer: so it
        # need not begin anew with each.
        self.quiet = Deadlines(quiet_s)
        # From the first bytes of a request to the end of its head.
        self.head = Deadlines(head_s)
        # From a refusal to the end of the connection.
        self.farewell = Deadlines(FAREWELL_S)
