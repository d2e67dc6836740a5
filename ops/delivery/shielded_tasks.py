"""Tasks that run to their end even if the caller that waits for them is cancelled."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.database.shares import pool_user

__all__ = ["ShieldedTasks"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ShieldedTasks:
    """Run work shielded from cancellation, in the context in which this object was created.

    Of the context of the caller only its share of the connection pool is used: a task started
    inside a transaction would inherit that transaction's connection.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of the work. If the caller is cancelled, the work continues."""
        context = self._context.copy()
        context.run(pool_user.set, pool_user.get())
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            raise

    async def drain(self) -> None:
        """Wait until no work is running."""
        while self._running:
            await asyncio.wait(self._running)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("delivery work failed after its caller was cancelled", exc_info=error)
