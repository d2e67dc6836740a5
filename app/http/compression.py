"""Compress large responses by gzip for clients that accept it (RFC 9110, section 8.4)."""

import asyncio
import zlib
from functools import lru_cache

from starlette.types import Scope

from app.http.header_lines import combined

__all__ = ["MIN_BYTES", "accepts_gzip", "compress"]

# Compressing smaller bodies costs more CPU time than sending a few more packets.
MIN_BYTES = 16_384
# Compressing larger bodies in the event loop would block it for milliseconds.
_THREAD_MIN_BYTES = 131_072
# The fastest level reduces JSON to a fifth. The best level takes four times as long, for a sixth.
_LEVEL = 1
# The rest of a longer header is ignored.
_MAX_ACCEPT_LENGTH = 1000
_GZIP_WBITS = 16 + zlib.MAX_WBITS


async def compress(scope: Scope, body: bytes) -> bytes | None:
    """Return the compressed body, or None if the client does not accept gzip."""
    accepted = combined(scope["headers"], b"accept-encoding")[:_MAX_ACCEPT_LENGTH]
    if not accepts_gzip(accepted.decode("latin-1")):
        return None
    if len(body) < _THREAD_MIN_BYTES:
        return _gzip(body)
    return await asyncio.to_thread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL, wbits=_GZIP_WBITS)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip, by name or by ``*``.

    The quality of ``gzip`` takes precedence over the one of ``*`` (RFC 9110, section 12.5.3).
    """
    qualities = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, quality = parameter.partition("=")
        try:
            qualities[coding.strip()] = float(quality) if name.strip() == "q" else 1.0
        except ValueError:
            qualities[coding.strip()] = 0.0
    for coding in ("gzip", "x-gzip", "*"):
        if coding in qualities:
            return qualities[coding] > 0
    return False
