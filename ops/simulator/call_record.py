"""Record of the calls that the simulated OPS received, with their times and outcomes."""

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
    """One call; times are seconds since the epoch. ``outcome`` is None until the call ends."""

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
    """The last calls, and for each idempotency key the payload that it was first used with."""

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
        """Record a call from its start to its end, also if it is cancelled or fails."""
        self._count += 1
        call = RecordedCall(self._count, kind, key, attempt, ticket_id, time.time())
        self._calls.append(call)
        try:
            yield call
        finally:
            call.ended_at = time.time()
            call.outcome = call.outcome or "cut off"

    def accept(self, key: str, payload: bytes) -> bool | None:
        """Return whether a key is new; None if it was used with another payload."""
        digest = blake2b(payload).digest()
        is_new = key not in self._digests
        if self._digests.setdefault(key, digest) != digest:
            return None
        return is_new
