"""Work that goes on when who waits for it is gone: disconnected, or out of time."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["ShieldedTasks"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ShieldedTasks:
    """Runs work to its end, in the context in which the shelter was built.

    Not in the context of who asks for it: a task started inside a transaction
    would inherit, and use, that transaction's connection.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work and answer with its result; being cancelled meanwhile does not stop it."""
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            raise

    async def drain(self) -> None:
        """Wait until all work is done."""
        while self._running:
            await asyncio.wait(self._running)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("work for a caller that is gone failed", exc_info=error)
