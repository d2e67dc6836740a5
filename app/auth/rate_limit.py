"""How many requests a caller may make in a time: counted here, or where processes share it."""

import logging
import math
import re
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from app.config.settings import Settings
from app.errors import CommandError

__all__ = ["Allowance", "RateLimit"]

# So long a request may be held up where the storage hangs.
_TIMEOUT_S = 0.5
_HINT = "It is like redis://HOST:6379/0 or redis+sentinel://HOST:26379/SERVICE."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a caller in the running window."""

    is_used_up: bool
    limit: int
    remaining: int
    # Until the window ends, in whole seconds, at least 1.
    reset_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that tell it (draft-ietf-httpapi-ratelimit-headers-03)."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]


class RateLimit:
    """Counts requests by caller in fixed windows, as RATE_LIMIT says."""

    def __init__(self, settings: Settings) -> None:
        self._item: RateLimitItem | None = None
        if settings.rate_limit is None:
            return
        self._item = parse(settings.rate_limit)
        self._counter = FixedWindowRateLimiter(_storage(settings.rate_limit_storage))

    @property
    def is_set(self) -> bool:
        """Whether anything is limited."""
        return self._item is not None

    async def spend(self, key: str) -> Allowance | None:
        """Count one; used up where it was one too many. None where nothing can be counted."""
        return await self._allowance(key, spends=True)

    async def look(self, key: str) -> Allowance | None:
        """Count nothing; used up where the next would be one too many. None as above."""
        return await self._allowance(key, spends=False)

    async def _allowance(self, key: str, *, spends: bool) -> Allowance | None:
        if self._item is None:
            return None
        try:
            ask = self._counter.hit if spends else self._counter.test
            is_allowed = await ask(self._item, key)
            window = await self._counter.get_window_stats(self._item, key)
        except StorageError as error:
            # Better a service without a limit than none.
            logger.warning("requests are not counted: the storage is away: %s", error)
            return None
        return Allowance(
            is_used_up=not is_allowed,
            limit=self._item.amount,
            remaining=window.remaining,
            reset_s=max(1, math.ceil(window.reset_time - time.time())),
        )


def _storage(url: str) -> Storage:
    """Return where requests are counted; raises Trouble."""
    options: dict[str, Any] = {}
    if not url.startswith("memory:"):
        # Valkey speaks as Redis does, and one client will do for both.
        url = re.sub("^valkey", "redis", url)
        options = {
            "implementation": "redispy",
            "socket_connect_timeout": _TIMEOUT_S,
            "socket_timeout": _TIMEOUT_S,
        }
    try:
        storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
    except (ConfigurationError, ValueError) as error:
        raise CommandError(f"RATE_LIMIT_STORAGE cannot be used: {error}.", hint=_HINT) from error
    if not isinstance(storage, Storage):
        raise CommandError(
            "RATE_LIMIT_STORAGE names no storage that can be waited for.", hint=_HINT
        )
    return storage
