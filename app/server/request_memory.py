"""Memory of the unanswered requests of one connection: waiting requests, and bodies."""

from collections import deque

from app.http.received_input import HeldInput, ReceivedInput
from app.http.request_cycle import RequestCycle
from app.server.request_scheduler import WaitingRequests

__all__ = ["RequestMemory"]


class RequestMemory:
    """Share of one connection in the accounts of waiting requests and of received input."""

    def __init__(self, *, received: ReceivedInput, waiting: WaitingRequests) -> None:
        self._received = received
        self._waiting = waiting
        # Large bodies.
        self._bodies: set[HeldInput] = set()
        # The group and the size of each request that waits, the next one first.
        self._queued: deque[tuple[str, int]] = deque()

    def enqueue(self, group: str, size: int) -> bool:
        """Count a request that must wait; false, and no change, beyond the limit."""
        if not self._waiting.add(group, size):
            return False
        self._queued.append((group, size))
        return True

    def dequeue(self) -> None:
        """Stop counting the request that has waited longest: it starts."""
        self._waiting.remove(*self._queued.popleft())

    def hold_body(self, cycle: RequestCycle, group: str) -> bool:
        """Count the received bytes of a large body; false beyond the limit."""
        held = cycle.held_body
        if held is None:
            held = cycle.held_body = HeldInput(self._received)
            self._bodies.add(held)
        return held.resize(group, cycle.received_bytes)

    def release_body(self, cycle: RequestCycle) -> None:
        """Stop counting the body of a request that has its response."""
        held = cycle.held_body
        if held is not None:
            held.release()
            self._bodies.discard(held)

    def clear(self) -> None:
        """Forget the requests that wait, and the bodies that will not be read."""
        for held in self._bodies:
            held.release()
        self._bodies.clear()
        while self._queued:
            self.dequeue()
