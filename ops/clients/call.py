"""Call OPS with a timeout, measure the duration, and convert every exception to a failure."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from ops.clients.protocol import FailureKind, OpsFailure

__all__ = ["timed_call"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def timed_call(call: Awaitable[T], *, timeout_s: float) -> tuple[T | OpsFailure, int]:
    """Await a call of an OpsClient and return its result with its duration in milliseconds.

    A failure of any kind is returned as OpsFailure. Only cancellation is raised.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    result: T | OpsFailure
    try:
        async with asyncio.timeout(timeout_s):
            result = await call
    except OpsFailure as failure:
        # The frames of the traceback would keep a large response in memory, in a reference cycle.
        result = failure.with_traceback(None)
    except TimeoutError:
        message = f"OPS did not respond within {timeout_s * 1_000:.0f} ms"
        result = OpsFailure(FailureKind.TIMEOUT, message)
    except Exception as error:  # noqa: BLE001  # a bug in the client must not stop the delivery
        _log.exception("unexpected exception while calling OPS")
        message = f"unexpected {type(error).__name__} while calling OPS"
        result = OpsFailure(FailureKind.UNAVAILABLE, message)
    return result, round((loop.time() - started) * 1_000)
