"""Count the bytes that PostgreSQL sends for a statement, and stop the statement if they are many.

asyncpg returns the rows of a statement when all have arrived, and a statement may read any number
of bytes. `ByteCounter` sits between the transport and asyncpg's protocol. It costs one call for
each read from the socket.
"""

import asyncio
from typing import Any, Protocol

from engine.database.memory_grants import OperationMemory
from engine.database.memory_limits import NEGLIGIBLE_BYTES
from engine.database.text_memory import TextMemory

__all__ = ["ByteCounter", "Measured", "count_bytes", "counter_of"]

# Texts are counted with the memory that they take from here on. Most statements receive less.
LARGE_BYTES = 65_536
# Between two parts of what PostgreSQL still sends for a stopped statement.
PAUSE_S = 0.002


class Measured(Protocol):
    """An object that keeps how many bytes its statement received; None if they are not counted."""

    received_bytes: int | None


class ByteCounter:
    """Protocol of a connection that counts what it passes on to asyncpg's protocol."""

    __slots__ = (
        "_cancelling",
        "_extra",
        "_is_repeatable",
        "_is_stopped",
        "_loop",
        "_memory",
        "_receive",
        "_task",
        "_texts",
        "_transport",
        "connection_lost",
        "eof_received",
        "pause_writing",
        "received",
        "resume_writing",
    )

    def __init__(self, transport: Any) -> None:
        inner = transport.get_protocol()
        self._transport = transport
        self._receive = inner.data_received
        self._memory: OperationMemory | None = None
        # Cached, because looking up the running loop makes a system call.
        self._loop = asyncio.get_running_loop()
        # Bytes since `begin`.
        self.received = 0
        # The memory of texts beyond their bytes.
        self._texts: TextMemory | None = None
        self._extra = 0
        self._is_repeatable = False
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._is_stopped = False
        # The other methods are asyncpg's.
        self.connection_lost = inner.connection_lost
        self.eof_received = inner.eof_received
        self.pause_writing = inner.pause_writing
        self.resume_writing = inner.resume_writing

    def begin(
        self,
        memory: OperationMemory | None,
        is_repeatable: bool,  # noqa: FBT001  # positional arguments cost less
    ) -> None:
        """Count for an operation from now on; the current task runs the statement."""
        self._memory = memory
        self.received = 0
        self._texts = None
        self._is_repeatable = is_repeatable
        task = self._task = asyncio.current_task(self._loop)
        self._cancelling = task.cancelling() if task is not None else 0

    def end(self, measured: Measured | None = None) -> None:
        """Stop counting, and report what was counted."""
        self._memory = self._task = None
        if measured is not None:
            measured.received_bytes = self.received

    def has_stopped(self, error: BaseException) -> bool:
        """Stop counting after an error, and return whether it is that of a stopped statement."""
        memory, task = self._memory, self._task
        self.end()
        if memory is not None:
            memory.discard(self.received, 0 if self._texts is None else self._extra)
        # As in `asyncio.timeout`: a cancellation by anything else takes precedence.
        return (
            self._is_stopped
            and task is not None
            and task.uncancel() <= self._cancelling
            and isinstance(error, asyncio.CancelledError)
        )

    def data_received(self, data: bytes) -> None:
        """Count and pass on."""
        memory = self._memory
        if self._is_stopped:
            self._pause()
        elif memory is not None:
            size = len(data)
            self.received += size
            received = memory.received + size
            if received <= NEGLIGIBLE_BYTES:
                memory.received = received
            else:
                self._count(memory, data, size)
        self._receive(data)

    def _count(self, memory: OperationMemory, data: bytes, size: int) -> None:
        """Count more than is negligible, and stop the statement if it may not receive more."""
        extra = self._extra_memory(data) if self.received > LARGE_BYTES else 0
        if not memory.receive(size, extra) and (self._is_repeatable or memory.is_exceeded):
            self._stop()

    def _extra_memory(self, data: bytes) -> int:
        if self._texts is None:
            self._texts = TextMemory()
            self._extra = 0
        extra = self._texts.add(data)
        self._extra += extra
        return extra

    def _stop(self) -> None:
        self._is_stopped = True
        assert self._task is not None  # noqa: S101  # only a task can run a statement
        self._task.cancel()
        self._pause()

    def _pause(self) -> None:
        """Read no more than one part at a time, until PostgreSQL learns of the cancellation."""
        self._transport.pause_reading()
        self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def reset(self) -> None:
        """Read as usual after a stopped statement."""
        if self._is_stopped:
            self._is_stopped = False
            self._resume()


async def count_bytes(connection: Any) -> None:
    """Let a new connection count what it receives."""
    transport = connection._transport  # noqa: SLF001  # asyncpg offers no hook for what arrives
    connection.byte_counter = counter = ByteCounter(transport)
    transport.set_protocol(counter)


def counter_of(connection: Any) -> ByteCounter | None:
    """Return the counter of a connection if it has one."""
    counter: ByteCounter | None = getattr(connection, "byte_counter", None)
    return counter
