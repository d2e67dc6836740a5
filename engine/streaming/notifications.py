"""A bell that every process at one database hears: something was committed, go and look.

It is a hint and nothing more: who listens looks at the tables now and then anyway,
so a ring that is lost costs a moment and no event. That is why nobody rings within
a transaction: NOTIFY takes one lock over the whole cluster from before the flush
of the WAL until after it, so that commits can no longer share a flush. (Measured:
16 clients came from 9,200 to 3,200 commits a second; on a disk that takes 2 ms for
a flush, from 3,300 to 395.) Whoever has committed rings afterwards, in a
transaction of its own, once for all that was committed meanwhile.

A ring has topics, so that nobody looks who waits for something else.
"""

import asyncio
import contextvars
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import asyncpg

from engine.database.commits import COMMITS, on_commit
from engine.database.errors import DATABASE_ERRORS
from engine.database.poolers import uses_pooler

__all__ = ["Notifier"]

CONNECT_TIMEOUT_S = 5.0
# Between two rings of one process.
INTERVAL_S = 0.01
# Without anything to tell it rings all the same, so that a dead connection is noticed.
HEARTBEAT_S = 30.0
RETRY_MIN_S, RETRY_MAX_S = 0.1, 5.0

_logger = logging.getLogger(__name__)


class Notifier:
    """One connection of its own that listens and rings; made again whenever it drops.

    Entered, it rings after each commit of this process by itself. Of other processes
    it hears the given topics; through a pooler only where that is said to keep a session
    for each who connects, for others would not pass on what is told.
    """

    def __init__(
        self, dsn: str, *, topics: Sequence[str] = (COMMITS,), keeps_session: bool = False
    ) -> None:
        self._dsn = dsn
        self._topics = topics
        self._keeps_session = keeps_session
        # Tells our own rings from those of others. Not by the process number of the
        # backend: behind a pooler that is another's.
        self._id = uuid4().hex
        self._heard_by: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._to_tell: set[str] = set()
        self._rung = asyncio.Event()
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> Self:
        self._off_commit = on_commit(self.notify)
        # A clean context: a task that is started inside a transaction inherits its connection.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._keep_listening(), context=self._context.copy())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._off_commit()
        self._task.cancel()
        await asyncio.wait([self._task])

    def subscribe(self, callback: Callable[[], None], topic: str = COMMITS) -> Callable[[], None]:
        """Have a function called at each ring, also one of our own; return what ends that."""
        self._heard_by[topic].append(callback)
        return lambda: self._heard_by[topic].remove(callback)

    def notify(self, topics: Sequence[str] = (COMMITS,)) -> None:
        """Call those of this process now, and those of all others soon."""
        for topic in topics:
            self._call(topic)
        self._to_tell.update(topics)
        self._rung.set()

    def _call(self, topic: str) -> None:
        for callback in self._heard_by[topic]:
            callback()

    async def _keep_listening(self) -> None:
        delay_s = RETRY_MIN_S
        while True:
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=CONNECT_TIMEOUT_S,
                    # It has none, and behind a pooler they would be in others' way.
                    statement_cache_size=0,
                )
                try:
                    if self._keeps_session or not await uses_pooler(connection):
                        for topic in self._topics:
                            await connection.add_listener(topic, self._on_notification)
                    delay_s = RETRY_MIN_S
                    # What was rung by others while there was no connection.
                    for topic in self._topics:
                        self._call(topic)
                    await self._keep_ringing(connection)
                finally:
                    connection.terminate()
            except DATABASE_ERRORS as error:
                _logger.warning(
                    "the listening connection is gone and will be made again: %s",
                    type(error).__name__,
                )
            except Exception:
                # Whoever listens must not be deaf from then on.
                _logger.exception("the listening connection is made again after a fault")
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)

    async def _keep_ringing(self, connection: asyncpg.Connection) -> None:
        """Ring when there is something to tell; raises one of the failures at the end."""
        connection.add_termination_listener(self._on_termination)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._rung.wait()
            self._rung.clear()
            topics, self._to_tell = self._to_tell or {COMMITS}, set()
            try:
                await connection.execute(
                    "; ".join(f"NOTIFY \"{topic}\", '{self._id}'" for topic in sorted(topics))
                )
            except BaseException:
                self._to_tell |= topics
                self._rung.set()
                raise
            await asyncio.sleep(INTERVAL_S)

    def _on_notification(
        self,
        connection: Any,  # noqa: ARG002  # asyncpg's signature
        pid: int,  # noqa: ARG002
        channel: str,
        payload: object,
    ) -> None:
        if payload != self._id:
            self._call(channel)

    def _on_termination(self, connection: Any) -> None:  # noqa: ARG002  # as above
        # Wakes the loop, which then finds the connection closed.
        self._rung.set()
