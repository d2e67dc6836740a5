"""Public keys that verify JWTs (RFC 7517), fetched from a URL when needed and cached."""

import asyncio
import logging
import math
from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx2
import jwt
import orjson

__all__ = ["KeySet", "KeysUnavailable"]

# Fixed here: a key implies one algorithm among these, so that a token cannot choose another.
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "ES384", "EdDSA"})
# Age after which a cached set is fetched again: for a key that it contains, and for another key.
_MAX_AGE_S = 600.0
_MAX_AGE_FOR_UNKNOWN_KEY_S = 10.0
# The delay after a failed fetch doubles with each further failure.
_MIN_RETRY_DELAY_S = 1.0
_MAX_RETRY_DELAY_S = 60.0
_FETCH_TIMEOUT_S = 5.0
_MAX_BYTES = 262_144

_logger = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The key set cannot be fetched at present; a later attempt may succeed."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("the keys that verify JWTs are unavailable")
        # In whole seconds, at least 1.
        self.retry_after_s = max(1, math.ceil(retry_after_s))


class _InvalidKeySet(ValueError):
    """The response is not a key set. The message does not contain its URL."""


class KeySet:
    """Cached key set of a URL.

    Concurrent callers share one fetch. While fetches fail, cached keys remain valid, and only
    callers that need an unknown key wait for the next attempt.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = -math.inf
        self._running_fetch: asyncio.Task[None] | None = None
        self._consecutive_failures = 0
        self._retry_at = -math.inf

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """Return the key with this id, None if the set lacks it; raises KeysUnavailable."""
        key = self._keys.get(kid)
        age_s = self._clock() - self._fetched_at
        if age_s > (_MAX_AGE_FOR_UNKNOWN_KEY_S if key is None else _MAX_AGE_S):
            fetch = self._fetch()
            if fetch is not None and (key is None or not self._consecutive_failures):
                # Shielded, because other callers may wait for the same fetch.
                await asyncio.shield(fetch)
                key = self._keys.get(kid)
        if key is None and self._consecutive_failures:
            raise KeysUnavailable(retry_after_s=self._retry_at - self._clock())
        return key

    def _fetch(self) -> asyncio.Task[None] | None:
        """Return the running fetch or a new one; None during the delay after a failure."""
        if self._running_fetch is None and self._clock() >= self._retry_at:
            self._running_fetch = asyncio.create_task(self._refresh())
        return self._running_fetch

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT_S):
                self._keys = _usable_keys(await _download(self._url))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            delay_s = min(_MIN_RETRY_DELAY_S * 2**self._consecutive_failures, _MAX_RETRY_DELAY_S)
            self._consecutive_failures += 1
            self._retry_at = self._clock() + delay_s
            # The messages of other errors may contain the URL and its password.
            reason = str(error) if isinstance(error, _InvalidKeySet) else type(error).__name__
            _logger.warning(
                "jwt keys unavailable", extra={"fields": {"reason": reason, "retry_in_s": delay_s}}
            )
        else:
            self._consecutive_failures = 0
            self._fetched_at = self._clock()
        finally:
            self._running_fetch = None


async def _download(url: str) -> bytes:
    content = bytearray()
    async with (
        httpx2.AsyncClient(timeout=_FETCH_TIMEOUT_S) as client,
        client.stream("GET", url) as response,
    ):
        if not response.is_success:
            raise _InvalidKeySet(f"HTTP {response.status_code}")
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _MAX_BYTES:
                raise _InvalidKeySet(f"more than {_MAX_BYTES} bytes")
    return bytes(content)


def _usable_keys(content: bytes) -> dict[str | None, jwt.PyJWK]:
    """Return the signature keys by id; other keys are ignored (RFC 7517, section 5)."""
    try:
        members = orjson.loads(content)["keys"]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise _InvalidKeySet("not a JSON object with keys") from None
    if not isinstance(members, list):
        raise _InvalidKeySet("keys is not an array")
    keys = [key for member in members if (key := _usable_key(member)) is not None]
    return {key.key_id: key for key in keys}


def _usable_key(member: Any) -> jwt.PyJWK | None:
    """Return a key that verifies signatures with a supported algorithm, None otherwise."""
    try:
        if member.get("use", "sig") != "sig" or "verify" not in member.get("key_ops", ["verify"]):
            return None
        # With a published private key, anyone could sign.
        if "d" in member:
            return None
        key = jwt.PyJWK(member)
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
        return None
    is_named = isinstance(key.key_id, str | None)
    return key if is_named and key.algorithm_name in _ALGORITHMS else None
