"""Notifications of commits to all processes that use one database.

A notification is only a hint: subscribers also poll their tables, so that a lost notification
only delays an event. Therefore a notification need not be part of the transaction.
NOTIFY in a transaction takes a lock of the whole cluster until the WAL is flushed, so commits can
no longer share a flush. (Measured with 16 clients: 3,200 commits per second instead of 9,200, and
395 instead of 3,300 on a disk that flushes in 2 ms.) Instead the process notifies after its
commits, in a transaction of its own, once for all commits since the last notification.

A notification has topics, so that it wakes only subscribers of its topic.
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
from engine.database.connecting import connect
from engine.database.errors import DATABASE_ERRORS
from engine.database.outages import Condition

__all__ = ["Notifier"]

CONNECT_TIMEOUT_S = 5.0
# Between two NOTIFY statements of one process.
INTERVAL_S = 0.01
# A NOTIFY is sent after this time without a commit, to detect a dead connection.
HEARTBEAT_S = 30.0
RETRY_MIN_S, RETRY_MAX_S = 0.1, 5.0

_logger = logging.getLogger(__name__)


class Notifier:
    """Sends and receives notifications on a connection of its own, and reconnects when it drops.

    Inside its context, it notifies after each commit of this process, and receives these
    topics from other processes. LISTEN needs a session. Behind a pooler, notifications are
    received only with ``keeps_session``: the pooler assigns one session to each client.
    """

    def __init__(
        self, dsn: str, *, topics: Sequence[str] = (COMMITS,), keeps_session: bool = False
    ) -> None:
        self._dsn = dsn
        self._topics = topics
        self._keeps_session = keeps_session
        # The payload, to ignore this process's own notifications. The process id of the backend
        # is not unique: behind a pooler, several clients share a backend.
        self._id = uuid4().hex
        self._callbacks: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._pending_topics: set[str] = set()
        self._wakeup = asyncio.Event()
        # Whether the connection is up.
        self.is_connected = False
        self._outage = Condition(
            "notification connection lost; reconnecting",
            "notification connection restored",
            logger=_logger,
        )
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> Self:
        self._remove_callback = on_commit(self.notify)
        # A clean context: a task that is started in a transaction inherits its connection.
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._keep_connected(), context=self._context.copy())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._remove_callback()
        self._task.cancel()
        await asyncio.wait([self._task])

    def subscribe(self, callback: Callable[[], None], topic: str = COMMITS) -> Callable[[], None]:
        """Call a function at each notification of a topic, this process's own included.

        Returns a function that removes it.
        """
        self._callbacks[topic].append(callback)
        return lambda: self._callbacks[topic].remove(callback)

    def notify(self, topics: Sequence[str] = (COMMITS,)) -> None:
        """Notify subscribers in this process now, and those in other processes soon."""
        for topic in topics:
            self._call(topic)
        self._pending_topics.update(topics)
        self._wakeup.set()

    def _call(self, topic: str) -> None:
        for callback in self._callbacks[topic]:
            callback()

    async def _keep_connected(self) -> None:
        delay_s = RETRY_MIN_S
        while True:
            try:
                connection = await connect(
                    self._dsn, timeout_s=CONNECT_TIMEOUT_S, command_timeout=CONNECT_TIMEOUT_S
                )
                try:
                    if self._keeps_session or not connection.state.has_pooler:
                        for topic in self._topics:
                            await connection.add_listener(topic, self._on_notification)
                    delay_s = RETRY_MIN_S
                    self.is_connected = True
                    self._outage.end()
                    # Notifications that were sent before this connection was made are lost.
                    for topic in self._topics:
                        self._call(topic)
                    await self._keep_notifying(connection)
                finally:
                    self.is_connected = False
                    connection.terminate()
            except DATABASE_ERRORS as error:
                self._outage.begin(error=type(error).__name__)
            except Exception:
                # An exception in a callback must not end the notifications.
                _logger.exception("notification callback failed; reconnecting")
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)

    async def _keep_notifying(self, connection: asyncpg.Connection) -> None:
        """Send notifications until the connection fails; raises one of DATABASE_ERRORS."""
        connection.add_termination_listener(self._on_termination)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._wakeup.wait()
            self._wakeup.clear()
            topics, self._pending_topics = self._pending_topics or {COMMITS}, set()
            try:
                await connection.execute(
                    "; ".join(f"NOTIFY \"{topic}\", '{self._id}'" for topic in sorted(topics))
                )
            except BaseException:
                self._pending_topics |= topics
                self._wakeup.set()
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
        # The next NOTIFY then fails, which reconnects.
        self._wakeup.set()
