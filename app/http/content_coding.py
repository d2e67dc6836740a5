"""Content codings of request bodies: gzip, or none (RFC 9110, section 8.4)."""

import asyncio
import zlib
from collections.abc import Iterable

__all__ = [
    "ACCEPTED_CODINGS",
    "ContentTooLarge",
    "InvalidContent",
    "UnsupportedCoding",
    "decode",
    "is_gzipped",
]

# Value of Accept-Encoding in the response to another coding (RFC 9110, section 15.5.16).
ACCEPTED_CODINGS = "gzip"
_GZIP = frozenset({b"gzip", b"x-gzip"})
_WBITS = 16 + zlib.MAX_WBITS
# Content of more compressed or decompressed bytes is decoded in a thread.
_THREAD_MIN_BYTES = 131_072
# Parts of a body that are compressed separately. Each takes time, even if it is empty.
_MAX_MEMBERS = 1000


class UnsupportedCoding(ValueError):
    """The body has another coding than gzip, or several."""

    def __init__(self) -> None:
        super().__init__("The body may be compressed by gzip once, or not at all.")


class InvalidContent(ValueError):
    """The body is not complete and valid gzip."""

    def __init__(self) -> None:
        super().__init__("The body is not valid gzip, although Content-Encoding says so.")


class ContentTooLarge(ValueError):
    """The decompressed body is larger than allowed."""


def is_gzipped(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request's body is compressed; raises UnsupportedCoding.

    The codings can be in several lines; "identity" means none.
    """
    codings = [
        coding
        for name, value in headers
        if name == b"content-encoding"
        for part in value.split(b",")
        if (coding := part.strip().lower()) not in {b"", b"identity"}
    ]
    if not codings:
        return False
    if len(codings) == 1 and codings[0] in _GZIP:
        return True
    raise UnsupportedCoding


async def decode(content: bytes, *, max_bytes: int) -> bytes:
    """Return decompressed content; raises InvalidContent or ContentTooLarge.

    Decompression stops at ``max_bytes``, so a small body cannot take much memory or time.
    """
    if len(content) <= _THREAD_MIN_BYTES:
        try:
            # Nearly all bodies are small.
            return _decompress(content, max_bytes=min(max_bytes, _THREAD_MIN_BYTES))
        except ContentTooLarge:
            if max_bytes <= _THREAD_MIN_BYTES:
                raise
    return await asyncio.to_thread(_decompress, content, max_bytes=max_bytes)


def _decompress(content: bytes, *, max_bytes: int) -> bytes:
    decompressed = bytearray()
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits=_WBITS)
        try:
            decompressed += member.decompress(content, max_bytes + 1 - len(decompressed))
        except zlib.error:
            raise InvalidContent from None
        if len(decompressed) > max_bytes:
            raise ContentTooLarge
        if not member.eof:
            break
        content = member.unused_data
        if not content:
            return bytes(decompressed)
    raise InvalidContent
