"""Queries that take long are ended when their client has gone: nobody would read the answer.

To wait for a client's leaving costs a task, so it is done only for a query that has
been running for a while.
"""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from engine.deadlines import Deadlines

__all__ = ["Vigil", "Vigils"]

LONG_S = 1.0


class Vigils:
    """The queries that are running."""

    def __init__(self) -> None:
        self._beginnings = Deadlines(LONG_S)

    def over(self, receive: Receive) -> "Vigil":
        """Return the context of a query, which raises ClientDisconnect when its client is gone."""
        return Vigil(self._beginnings, receive)


class Vigil:
    """The watch over one query, once it has taken long."""

    __slots__ = ("_beginnings", "_is_gone", "_receive", "_task", "_watching", "ends_at")

    def __init__(self, beginnings: Deadlines, receive: Receive) -> None:
        self._beginnings = beginnings
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._is_gone = False
        self.ends_at = 0.0

    def __enter__(self) -> Self:
        self._task = self._beginnings.begin(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._beginnings.end(self)
        if self._watching is not None:
            self._watching.cancel()
        if self._is_gone and self._task is not None:
            self._task.uncancel()
            if exc_type is asyncio.CancelledError:
                raise ClientDisconnect from None

    def expire(self) -> None:
        """Begin to watch: it has taken long."""
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None:
            self._is_gone = True
            self._task.cancel()
