"""One call of OPS: limited in time, measured, and answered by a value whatever happens."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ops.clients.protocol import FailureKind, OpsFailure

__all__ = ["Answer", "call"]

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a call, and how long it took; None where that is not known."""

    result: T | OpsFailure
    duration_ms: int | None


async def call(calling: Awaitable[T], *, timeout_s: float) -> Answer[T]:
    """Wait so long for a call of an OpsClient; only being cancelled is raised."""
    clock = asyncio.get_running_loop()
    started = clock.time()
    result: T | OpsFailure
    try:
        async with asyncio.timeout(timeout_s):
            result = await calling
    except OpsFailure as failure:
        result = failure
    except TimeoutError:
        message = f"OPS did not answer within {timeout_s * 1_000:.0f} ms"
        result = OpsFailure(FailureKind.TIMEOUT, message)
    except Exception as error:  # noqa: BLE001  # a fault of the client must not stop the delivery
        _log.exception("calling OPS failed in an unforeseen way")
        message = f"calling OPS failed in an unforeseen way ({type(error).__name__})"
        result = OpsFailure(FailureKind.UNAVAILABLE, message)
    return Answer(result, round((clock.time() - started) * 1_000))
