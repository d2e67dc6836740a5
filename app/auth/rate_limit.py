"""Per-caller rate limit in fixed windows, counted in this process or in a shared storage."""

import logging
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from app.auth.rate_limit_storage import ProcessStorage
from app.config.log_line_limit import UNAUTHENTICATED_LINES
from app.config.settings import Settings
from app.errors import CommandError

__all__ = ["Allowance", "RateLimit", "check_rate_limit_settings"]

# The longest delay of a request while the storage does not respond.
_STORAGE_TIMEOUT_S = 0.5
_HINT = "Use a URL like redis://HOST:6379/0 or redis+sentinel://HOST:26379/SERVICE."

_TLS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """State of a caller's rate limit in the current window."""

    is_exceeded: bool
    limit: int
    remaining: int
    # Time until the window ends, in whole seconds, at least 1.
    reset_s: int
    # Length of each window.
    window_s: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that report it.

        The first two are those of draft-ietf-httpapi-ratelimit-headers-11, the others those of
        -03, which many clients read.
        """
        return [
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.limit, self.window_s)),
            (b"ratelimit", b'"default";r=%d;t=%d' % (self.remaining, self.reset_s)),
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]


class RateLimit:
    """Limits requests by key as RATE_LIMIT configures it.

    `hit` and `peek` return None if RATE_LIMIT is unset or its storage is unavailable.
    """

    def __init__(self, settings: Settings) -> None:
        self._item: RateLimitItem | None = None
        if settings.rate_limit is None:
            return
        self._item = parse(settings.rate_limit)
        self._limiter = FixedWindowRateLimiter(_storage(settings))

    @property
    def is_set(self) -> bool:
        """Whether RATE_LIMIT is set."""
        return self._item is not None

    async def hit(self, key: str) -> Allowance | None:
        """Count a request; the limit is exceeded if this request was one too many."""
        return await self._allowance(key, counts=True)

    async def peek(self, key: str) -> Allowance | None:
        """Count nothing; the limit is exceeded if another request would be one too many."""
        return await self._allowance(key, counts=False)

    async def _allowance(self, key: str, *, counts: bool) -> Allowance | None:
        if self._item is None:
            return None
        try:
            check = self._limiter.hit if counts else self._limiter.test
            is_allowed = await check(self._item, key)
            window = await self._limiter.get_window_stats(self._item, key)
        except StorageError as error:
            # Serve requests without a limit rather than none.
            UNAUTHENTICATED_LINES.log(
                logger,
                logging.WARNING,
                "rate limit storage unavailable",
                {"reason": str(error)},
                address=key,
            )
            return None
        return Allowance(
            is_exceeded=not is_allowed,
            limit=self._item.amount,
            remaining=window.remaining,
            reset_s=max(1, math.ceil(window.reset_time - time.time())),
            window_s=self._item.get_expiry(),
        )


def check_rate_limit_settings(settings: Settings) -> None:
    """Raise CommandError if the storage of the counters cannot be used.

    This happens before the server processes start, so that one message reports it. A storage
    that cannot be reached is not an error: it may be reached later.
    """
    RateLimit(settings)


def _storage(settings: Settings) -> Storage:
    """Return the storage of the counters; raises CommandError."""
    url = settings.rate_limit_storage
    if url.startswith("memory:"):
        return ProcessStorage(settings.cache_max_bytes)
    # Valkey uses the protocol of Redis, and the client of Redis.
    url = re.sub("^valkey", "redis", url)
    options: dict[str, Any] = {
        "implementation": "redispy",
        "socket_connect_timeout": _STORAGE_TIMEOUT_S,
        "socket_timeout": _STORAGE_TIMEOUT_S,
    }
    try:
        storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
        if url.startswith(("redis:", "rediss:")):
            _check_redis_url(url)
    except (ConfigurationError, ValueError) as error:
        raise CommandError(
            f"Cannot use RATE_LIMIT_STORAGE: {str(error).rstrip('.')}.", hint=_HINT
        ) from error
    if not isinstance(storage, Storage):
        raise CommandError("RATE_LIMIT_STORAGE is not an asynchronous storage.", hint=_HINT)
    return storage


def _check_redis_url(url: str) -> None:
    """Raise ValueError for errors that the client would report only when it connects."""
    # Imported only if it is used.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415

    pool = ConnectionPool.from_url(url)
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError:
        # The message of the error is about the code.
        raise ValueError("its URL has a parameter that the client of Redis does not have") from None
    for name in _TLS_FILES & pool.connection_kwargs.keys():
        try:
            Path(pool.connection_kwargs[name]).open("rb").close()
        except OSError as error:
            raise ValueError(f"its {name} cannot be read ({error.strerror})") from error
