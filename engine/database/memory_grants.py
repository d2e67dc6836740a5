"""Memory of operations: how much their statements may receive, alone and together.

The operations of a caller may receive a few MiB, and so may those of all callers. Beyond that, an
operation waits for a grant, of which a caller has one. If its texts take more memory than it may
receive bytes, it also needs the text grant of the process. `counting_memory` begins to count.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from engine.database.memory_errors import MemoryGrantsExceeded, ReadTooLarge
from engine.database.memory_limits import (
    CALLER_BYTES,
    CALLER_GRANTS,
    NEGLIGIBLE_BYTES,
    PROCESS_BYTES,
    PROCESS_GRANTS,
    TEXT_GRANTS,
)
from engine.database.shares import RESERVED, pool_user

__all__ = [
    "GRANTS",
    "MemoryGrants",
    "MemoryGrantsExceeded",
    "OperationMemory",
    "ReadTooLarge",
    "counting_memory",
    "operation_memory",
]

# How long an operation waits while no operation with a grant receives anything or ends.
GRANT_TIMEOUT_S = 5.0


class OperationMemory:
    """Bytes that the statements of one operation have received, and the memory that they take.

    As a context manager it counts what the statements of the block receive. ``is_exceeded`` says
    that they were more than ``max_bytes``, which is not less than NEGLIGIBLE_BYTES. The memory is
    what the sums and the grants limit. `ByteCounter` adds what is negligible to ``received``.
    """

    # The defaults belong to the class, because each request creates an object.
    has_grant = has_text_grant = False
    # Whether the text grant was not free when it was needed.
    needs_text_grant = False
    is_exceeded = False
    # The memory that texts take beyond their bytes.
    _extra = 0
    # The memory that is in the sums of the caller and of the process.
    _counted = 0
    _waiters: Sequence[asyncio.Future[None]] = ()

    def __init__(self, grants: "MemoryGrants | None", caller: str, max_bytes: int) -> None:
        """Count for a caller; without ``grants``, up to ``max_bytes`` need none."""
        # What every operation reads. To read a default of the class takes much longer.
        self.caller = caller
        self.max_bytes = max_bytes
        self.received = 0
        # Whether there is nothing to return at the end.
        self._is_negligible = True
        self._grants = grants

    def __enter__(self) -> Self:
        self._token = operation_memory.set(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        operation_memory.reset(self._token)
        if self._is_negligible:
            # A cancelled statement can end after its operation, and must not count then.
            self._grants = None
        else:
            self.end()

    def receive(self, size: int, extra: int = 0) -> bool:
        """Count received bytes, and the memory that their texts take beyond these.

        Return false if no more may be received, or not without a grant.
        """
        self.received += size
        self._extra += extra
        memory = self.received + self._extra
        return memory <= NEGLIGIBLE_BYTES or self._may_have(memory)

    def discard(self, size: int, extra: int = 0) -> None:
        """Count bytes of a statement that was stopped as not received."""
        self.received -= size
        self._extra -= extra
        if self._grants is not None and not self.has_grant:
            self._count(self._grants, max(0, self.received + self._extra))

    async def wait_for_grant(self) -> None:
        """Wait until the operation may receive more; raises MemoryGrantsExceeded."""
        grants = self._grants
        if grants is None or (self.has_grant and not self.needs_text_grant):
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters = [*self._waiters, waiter]
        if len(self._waiters) == 1:
            grants.enqueue(self)
        try:
            while not waiter.done():
                progress = grants.progress
                await asyncio.wait((waiter,), timeout=GRANT_TIMEOUT_S)
                if not waiter.done() and grants.progress == progress:
                    raise MemoryGrantsExceeded(waited_s=GRANT_TIMEOUT_S, max_bytes=self.max_bytes)
        finally:
            self._waiters = [other for other in self._waiters if other is not waiter]

    def may_begin(self) -> bool:
        """Return whether a statement may begin; if not, it would be stopped soon."""
        grants = self._grants
        if grants is None or (self.has_grant and not self.needs_text_grant):
            return True
        if self._waiters:
            return False
        if self.has_grant:
            return grants.take_text_grant(self)
        return grants.has_bytes_left(self.caller) or grants.take(self)

    @property
    def is_waiting(self) -> bool:
        """Whether a statement waits for the grant, and the operation has not ended."""
        # A grant after the end would never be given back.
        return self._grants is not None and bool(self._waiters)

    def grant(self) -> None:
        """Let the operation receive up to its maximum."""
        self.has_grant = True
        self._is_negligible = False
        if self._grants is not None:
            self._count(self._grants, 0)
        self._resume()

    def grant_text(self) -> None:
        """Let the texts of the operation take more memory than its maximum of bytes."""
        self.has_text_grant = True
        self.needs_text_grant = False
        self._resume()

    def _resume(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = ()

    def end(self) -> None:
        """Return the grant, or the bytes, at the end of the operation."""
        # A cancelled statement can end after its operation, and must not count then.
        grants, self._grants = self._grants, None
        if grants is None:
            return
        if self.has_grant:
            grants.give_back(self)
        elif self._counted:
            self._count(grants, 0)

    def _may_have(self, memory: int) -> bool:
        """Count more memory than is negligible, and return whether the operation may have it."""
        if self.received > self.max_bytes:
            self.is_exceeded = True
            return False
        grants = self._grants
        if self.has_text_grant or grants is None:
            return True
        if self.has_grant:
            return memory <= self.max_bytes or grants.take_text_grant(self)
        self._count(grants, memory)
        return grants.has_bytes_left(self.caller) or grants.take(self)

    def _count(self, grants: "MemoryGrants", size: int) -> None:
        grants.count(self.caller, size - self._counted)
        self._counted = size
        self._is_negligible = False


class MemoryGrants:
    """The grants of a process, and the sums of what is received without one."""

    def __init__(self) -> None:
        self._bytes: Counter[str] = Counter()
        # What operations without a grant have received.
        self.bytes = 0
        self._granted: Counter[str] = Counter()
        # Operations with a grant, and the number of those that have ended.
        self._holders: set[OperationMemory] = set()
        self._ended = self._text_granted = 0
        # The longest waiting first.
        self._waiting: deque[OperationMemory] = deque()
        # Whether an operation has a grant or waits for one, or a caller may have used up its bytes.
        # Otherwise every statement may begin.
        self.are_scarce = False

    @property
    def usage(self) -> tuple[int, int]:
        """The number of operations with a grant, and of those that wait for one."""
        return len(self._holders), sum(memory.is_waiting for memory in self._waiting)

    @property
    def progress(self) -> tuple[int, int]:
        """A value that changes when an operation with a grant receives something or ends."""
        return self._ended, sum(memory.received for memory in self._holders)

    def count(self, caller: str, size: int) -> None:
        """Add to the bytes that the operations of a caller have received without a grant."""
        self.bytes += size
        self._bytes[caller] += size
        if not self._bytes[caller]:
            del self._bytes[caller]
        self._note_scarcity()

    def has_bytes_left(self, caller: str) -> bool:
        """Return whether the operations of a caller may receive more without a grant."""
        return self._bytes[caller] <= CALLER_BYTES and self.bytes <= PROCESS_BYTES

    def take(self, memory: OperationMemory) -> bool:
        """Give an operation a grant if one is free; none waits for a grant that is free."""
        if len(self._holders) >= PROCESS_GRANTS or self._granted[memory.caller] >= CALLER_GRANTS:
            return False
        self._holders.add(memory)
        self._granted[memory.caller] += 1
        self.are_scarce = True
        memory.grant()
        return True

    def take_text_grant(self, memory: OperationMemory) -> bool:
        """Give an operation with a grant also a text grant, if one is free."""
        if self._text_granted >= TEXT_GRANTS:
            memory.needs_text_grant = True
            return False
        self._text_granted += 1
        memory.grant_text()
        return True

    def enqueue(self, memory: OperationMemory) -> None:
        """Give an operation the grant that it needs as soon as one is free."""
        self._waiting.append(memory)
        self.are_scarce = True
        self._grant_waiting()

    def give_back(self, memory: OperationMemory) -> None:
        """Take the grants of an operation that has ended."""
        if memory.has_text_grant:
            self._text_granted -= 1
        self._holders.discard(memory)
        self._ended += 1
        self._granted[memory.caller] -= 1
        if not self._granted[memory.caller]:
            del self._granted[memory.caller]
        self._grant_waiting()

    def _grant_waiting(self) -> None:
        """Give the free grants to those that wait, and whose callers may have more."""
        still: deque[OperationMemory] = deque()
        for memory in self._waiting:
            take = self.take_text_grant if memory.has_grant else self.take
            if memory.is_waiting and not take(memory):
                still.append(memory)
        self._waiting = still
        self._note_scarcity()

    def _note_scarcity(self) -> None:
        is_any = bool(self._holders or self._waiting)
        self.are_scarce = is_any or self.bytes > CALLER_BYTES


GRANTS = MemoryGrants()

operation_memory: ContextVar[OperationMemory | None] = ContextVar("operation_memory", default=None)


class _Uncounted:
    """Context manager of code that works for no caller, which is not counted."""

    def __enter__(self) -> None:
        self._token = operation_memory.set(None)

    def __exit__(self, *_: object) -> None:
        operation_memory.reset(self._token)


def counting_memory(max_bytes: int) -> OperationMemory | _Uncounted:
    """Count what the statements of the block receive for the current operation of a caller.

    A statement that makes it more than ``max_bytes`` raises ReadTooLarge. Code that works for no
    caller is not counted.
    """
    user = pool_user.get()
    if user is None or user is RESERVED:
        return _Uncounted()
    return OperationMemory(GRANTS, user.caller, max_bytes)
