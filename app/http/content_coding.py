"""Content codings of request bodies: gzip, or none (RFC 9110, section 8.4)."""

import zlib
from collections.abc import Sequence

from app.http.header_lines import combined
from engine.long_work import pause

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
# Compressed and decompressed bytes of one step, which takes 0.3 ms at most.
_PART_BYTES = 16_384
_PART_OUTPUT_BYTES = 131_072
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


def is_gzipped(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a request's body is compressed; raises UnsupportedCoding.

    The codings can be in several lines; "identity" means none.
    """
    value = combined(headers, b"content-encoding")
    if not value:
        return False
    codings = [
        coding
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

    Decompression stops at ``max_bytes``, so a small body cannot take much memory. It is done in
    steps, so that it does not hold up other requests.
    """
    decompressed = bytearray()
    member = zlib.decompressobj(wbits=_WBITS)
    members, offset, has_more_output = 1, 0, False
    while not member.eof or offset < len(content):
        await pause()
        if member.eof:
            members, member = members + 1, zlib.decompressobj(wbits=_WBITS)
        if members > _MAX_MEMBERS or (offset == len(content) and not has_more_output):
            raise InvalidContent
        part = content[offset : offset + _PART_BYTES]
        allowed = min(max_bytes + 1 - len(decompressed), _PART_OUTPUT_BYTES)
        try:
            output = member.decompress(part, allowed)
        except zlib.error:
            raise InvalidContent from None
        decompressed += output
        if len(decompressed) > max_bytes:
            raise ContentTooLarge
        # The output may not have all of the input yet, even if the member has taken all of it.
        has_more_output = len(output) == allowed
        unused = member.unused_data if member.eof else member.unconsumed_tail
        offset += len(part) - len(unused)
    return bytes(decompressed)
