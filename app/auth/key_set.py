"""The public keys of somebody we trust (RFC 7517): fetched when they are needed, and kept."""

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

# Pinned: a token does not choose how it is checked, but among those of its kind of key.
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "ES384", "EdDSA"})
# How long a set is good, and how often at most it is fetched for a key that it has not.
_TTL_S = 600.0
_MIN_AGE_S = 10.0
# After a failure; doubled after each further one.
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_TIMEOUT_S = 5.0
_MAX_BYTES = 262_144

_logger = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """Whether there is such a key cannot be told now; trying again may help."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("the keys of JWTs cannot be had now")
        # In whole seconds, at least 1.
        self.retry_after_s = max(1, math.ceil(retry_after_s))


class _NoKeySet(ValueError):
    """What was fetched is no set of keys; the text says why, and nothing of where it was."""


class KeySet:
    """The keys at a URL.

    Whoever asks meanwhile shares one fetch. After a failure the keys that are known stay
    good, and nobody waits for another attempt but who asks for a key that is not known.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        # In a row, up to now.
        self._failures = 0
        self._retry_at = -math.inf

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """Return the key with an id, None where the set has none; raises KeysUnavailable."""
        known = self._keys.get(kid)
        age_s = self._clock() - self._fetched_at
        if age_s > (_MIN_AGE_S if known is None else _TTL_S):
            fetching = self._fetch()
            if fetching is not None and (known is None or not self._failures):
                # Shielded: who gives up waiting does not wait alone.
                await asyncio.shield(fetching)
                known = self._keys.get(kid)
        if known is None and self._failures:
            raise KeysUnavailable(retry_after_s=self._retry_at - self._clock())
        return known

    def _fetch(self) -> asyncio.Task[None] | None:
        """Return the fetch under way, else a new one; None where it is too early for that."""
        if self._fetching is None and self._clock() >= self._retry_at:
            self._fetching = asyncio.create_task(self._replace())
        return self._fetching

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                self._keys = _usable(await _read(self._url))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            pause_s = min(_FIRST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
            self._failures += 1
            self._retry_at = self._clock() + pause_s
            # Not the error's own words: they may have the URL, and with it a password.
            reason = str(error) if isinstance(error, _NoKeySet) else type(error).__name__
            _logger.warning("the keys of JWTs could not be fetched: %s", reason)
        else:
            self._failures = 0
            self._fetched_at = self._clock()
        finally:
            self._fetching = None


async def _read(url: str) -> bytes:
    content = bytearray()
    async with (
        httpx2.AsyncClient(timeout=_TIMEOUT_S) as client,
        client.stream("GET", url) as response,
    ):
        if not response.is_success:
            raise _NoKeySet(f"HTTP {response.status_code}")
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _MAX_BYTES:
                raise _NoKeySet(f"more than {_MAX_BYTES} bytes")
    return bytes(content)


def _usable(content: bytes) -> dict[str | None, jwt.PyJWK]:
    """Return the keys for signatures by their ids; others are ignored (RFC 7517, section 5)."""
    try:
        members = orjson.loads(content)["keys"]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise _NoKeySet("no set of keys") from None
    if not isinstance(members, list):
        raise _NoKeySet("no set of keys")
    keys = [key for member in members if (key := _key(member)) is not None]
    return {key.key_id: key for key in keys}


def _key(member: Any) -> jwt.PyJWK | None:
    """Return a key that our algorithms can check signatures with, None for all else."""
    try:
        if member.get("use", "sig") != "sig" or "verify" not in member.get("key_ops", ["verify"]):
            return None
        # What a published private key has signed may be anybody's.
        if "d" in member:
            return None
        key = jwt.PyJWK(member)
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
        return None
    is_named = isinstance(key.key_id, str | None)
    return key if is_named and key.algorithm_name in _ALGORITHMS else None
