"""Large answers compressed by gzip (RFC 9110, section 8.4) for clients that take it."""

import asyncio
import zlib
from functools import lru_cache

from starlette.types import Scope

__all__ = ["LARGE_BYTES", "accepts_gzip", "gzipped"]

# Smaller ones travel in a few packets either way, and compressing costs more CPU than they.
LARGE_BYTES = 16_384
# From here on it would hold up the others of the process for milliseconds.
_IN_A_THREAD_BYTES = 131_072
# The quickest: JSON comes to a fifth, and the best would take four times as long for a sixth.
_LEVEL = 1
# What comes after is not looked at.
_MAX_ACCEPT_LENGTH = 1000
_GZIP = 16 + zlib.MAX_WBITS


async def gzipped(scope: Scope, body: bytes) -> bytes | None:
    """Return a body compressed, None where the client does not take that."""
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            if not accepts_gzip(value[:_MAX_ACCEPT_LENGTH].decode("latin-1")):
                return None
            if len(body) < _IN_A_THREAD_BYTES:
                return _compressed(body)
            return await asyncio.to_thread(_compressed, body)
    return None


def _compressed(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL, wbits=_GZIP)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header accepts gzip, by name or by ``*`` (RFC 9110, 12.5.3)."""
    qualities = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, quality = parameter.partition("=")
        try:
            qualities[coding.strip()] = float(quality) if name.strip() == "q" else 1.0
        except ValueError:
            qualities[coding.strip()] = 0.0
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0
