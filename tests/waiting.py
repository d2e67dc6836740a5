"""Waiting for conditions of which nothing gives notice."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

# Long enough for a slow machine and for transactions of other tests in the same cluster.
WAIT_S = 60
_INTERVAL_S = 0.01


async def until(condition: Callable[[], Any], *, within_s: float = WAIT_S) -> Any:
    """Wait until a condition, which may be asynchronous, is true, and return its value.

    Raises TimeoutError after `within_s` seconds.
    """
    async with asyncio.timeout(within_s):
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(_INTERVAL_S)


def wait_until(condition: Callable[[], Any], *, within_s: float = WAIT_S) -> Any:
    """Wait until a condition is true, and return its value.

    Raises TimeoutError after `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_INTERVAL_S)
    return value
