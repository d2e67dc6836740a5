"""Body of an OPS response, as text: read, decompressed and decoded up to a limit.

Requests ask for no compression, and JSON is UTF-8 (RFC 8259, section 8.1). Some servers compress
all the same, or use another charset. Such a response can be read, and OPS may have accepted the
ticket, so it is read.
"""

import codecs
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

__all__ = ["MAX_BODY_BYTES", "ResponseBody", "read_body"]

# Limits both the body that was sent and the decompressed one.
MAX_BODY_BYTES = 1_048_576

# Charsets that decode in linear time, and have ASCII characters in one byte. Python has others,
# such as `punycode`.
_CHARSETS = re.compile(
    r"ascii|utf-8|iso8859-[0-9]+|cp[0-9]+|koi8-[rtu]|mac-[a-z]+"
    r"|shift_jis.*|euc_.*|iso2022_.*|gb.*|big5.*|tis-620"
)
_MAX_CODINGS = 2
# Members of one gzip body. Each takes time, even if it is empty.
_MAX_MEMBERS = 1000
_PART_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """The text of a body. ``problem`` says why it is not the whole text of OPS, if it is not."""

    text: str
    problem: str | None = None


class _Unreadable(ValueError):
    """The body cannot be decompressed completely."""


async def read_body(response: httpx2.Response) -> ResponseBody:
    """Return the body of a response whose content is not read yet."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            break
    raw = bytes(content)
    try:
        decoded = _decompressed(raw, response.headers.get("Content-Encoding", ""))
    except _Unreadable as error:
        return ResponseBody(_text(raw[:MAX_BODY_BYTES], response), str(error))
    if len(raw) > MAX_BODY_BYTES or len(decoded) > MAX_BODY_BYTES:
        problem = f"OPS responded with more than {MAX_BODY_BYTES} bytes"
        return ResponseBody(_text(decoded[:MAX_BODY_BYTES], response), problem)
    return ResponseBody(_text(decoded, response))


def _decompressed(content: bytes, codings: str) -> bytes:
    """Undo the content codings (RFC 9110, section 8.4), up to one byte over the limit."""
    names = [name.strip().lower() for name in codings.split(",") if name.strip()]
    names = [name for name in names if name != "identity"]
    if len(names) > _MAX_CODINGS:
        raise _Unreadable(f"OPS responded with {len(names)} content codings")
    # The last one was applied last.
    for name in reversed(names):
        decompress = _CODINGS.get(name)
        if decompress is None:
            raise _Unreadable(f"OPS responded with the unsupported content coding {name[:40]!r}")
        if content:
            content = decompress(content)
    return content


def _gunzip(content: bytes) -> bytes:
    decoded = bytearray()
    position = 0
    # A body can have several members (RFC 1952, section 2.2).
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(zlib.MAX_WBITS + 16)
        while not stream.eof:
            # In parts, because each member copies what follows it.
            part = content[position : position + _PART_BYTES]
            if not part:
                raise _Unreadable("OPS responded with incomplete compressed data")
            try:
                decoded += stream.decompress(part, MAX_BODY_BYTES + 1 - len(decoded))
            except zlib.error as error:
                raise _Unreadable("OPS responded with invalid compressed data") from error
            if len(decoded) > MAX_BODY_BYTES:
                return bytes(decoded)
            position += len(part) - len(stream.unused_data)
        if position == len(content):
            return bytes(decoded)
    raise _Unreadable(f"OPS responded with more than {_MAX_MEMBERS} members of gzip")


def _inflate(content: bytes) -> bytes:
    try:
        return _inflated(content, zlib.MAX_WBITS)
    except _Unreadable:
        # Without the header of zlib, which some servers omit.
        return _inflated(content, -zlib.MAX_WBITS)


def _inflated(content: bytes, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    try:
        decoded = stream.decompress(content, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise _Unreadable("OPS responded with invalid compressed data") from error
    if not stream.eof and len(decoded) <= MAX_BODY_BYTES:
        raise _Unreadable("OPS responded with incomplete compressed data")
    return decoded


def _unbrotli(content: bytes) -> bytes:
    # Imported only if it is needed, which is rarely.
    import brotli  # noqa: PLC0415

    stream = brotli.Decompressor()
    decoded = bytearray()
    try:
        decoded += stream.process(content, output_buffer_limit=MAX_BODY_BYTES + 1)
        while not stream.can_accept_more_data() and len(decoded) <= MAX_BODY_BYTES:
            decoded += stream.process(b"", output_buffer_limit=MAX_BODY_BYTES + 1)
    except brotli.error as error:
        raise _Unreadable("OPS responded with invalid compressed data") from error
    if not stream.is_finished() and len(decoded) <= MAX_BODY_BYTES:
        raise _Unreadable("OPS responded with incomplete compressed data")
    return bytes(decoded)


_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
}


def _text(content: bytes, response: httpx2.Response) -> str:
    """Decode JSON in any charset; characters that cannot be decoded are replaced."""
    # The standard library recognizes UTF-8, UTF-16 and UTF-32, with and without a byte order mark.
    detected: str = json.detect_encoding(content)
    if detected == "utf-8":
        detected = _known(response.charset_encoding or detected) or detected
    return content.decode(detected, errors="replace")


def _known(charset: str) -> str | None:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    return name if _CHARSETS.fullmatch(name) else None
