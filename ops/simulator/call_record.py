"""What the simulated OPS has seen: every call, when it was under way, and how it went."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

__all__ = ["CallRecord", "RecordedCall"]

DEFAULT_CAPACITY = 1_000_000


@dataclass(slots=True)
class RecordedCall:
    """One call; times are seconds since the epoch. ``outcome`` is None while it is under way."""

    number: int
    kind: str
    key: str
    attempt: int | None
    ticket_id: str | None
    began_at: float
    ended_at: float | None = None
    outcome: str | None = None
    reference: str | None = None


class CallRecord:
    """The last calls, oldest first, and for each key the ticket that it was first used with."""

    def __init__(self, *, capacity: int = DEFAULT_CAPACITY) -> None:
        self._calls: deque[RecordedCall] = deque(maxlen=capacity)
        self._count = 0
        self._digests: dict[str, bytes] = {}

    @property
    def calls(self) -> list[RecordedCall]:
        """The calls, oldest first."""
        return list(self._calls)

    @contextmanager
    def call(
        self, kind: str, key: str, *, attempt: int | None = None, ticket_id: str | None = None
    ) -> Iterator[RecordedCall]:
        """Record a call from its beginning to its end, however it ends."""
        self._count += 1
        call = RecordedCall(self._count, kind, key, attempt, ticket_id, time.time())
        self._calls.append(call)
        try:
            yield call
        finally:
            call.ended_at = time.time()
            call.outcome = call.outcome or "cut off"

    def accept(self, key: str, payload: bytes) -> bool | None:
        """Remember the ticket of a key: True if new, False if the same, None if another."""
        digest = blake2b(payload).digest()
        is_new = key not in self._digests
        if self._digests.setdefault(key, digest) != digest:
            return None
        return is_new
