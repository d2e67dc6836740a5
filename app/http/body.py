"""Read the body of a request within its limits of size and time.

`read_content` serves every transport.
"""

from contextlib import nullcontext

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from app.http.content_coding import ContentTooLarge, decode, is_gzipped
from app.http.problem import HttpProblem
from app.http.request_cycle import request_cycle_of
from engine.database.timeouts import Timeouts
from engine.long_work import pause

__all__ = ["LARGE_BYTES", "BodyTooLarge", "read_content"]

# Larger content or messages wait for their turn before they are parsed.
LARGE_BYTES = 4096


class BodyTooLarge(HttpProblem):
    """The body is larger than MAX_BODY_BYTES."""

    def __init__(self, max_bytes: int) -> None:
        detail = f"The body is larger than {max_bytes} bytes. Send a smaller one."
        super().__init__(413, "PAYLOAD_TOO_LARGE", detail)
        self.max_bytes = max_bytes


async def read_content(
    scope: Scope, receive: Receive, *, max_bytes: int, timeouts: Timeouts | None = None
) -> bytes:
    """Return the whole content of a request, decompressed. Large content waits for its turn.

    Raises UnsupportedCoding before the body is read, BodyTooLarge as early as possible,
    InvalidContent, ClientDisconnect, and HttpProblem (504) on a timeout.
    """
    cycle = request_cycle_of(receive)
    try:
        gzipped = is_gzipped(scope["headers"])
        # All of it has been received with nearly every request.
        body = cycle.take_body() if cycle is not None else None
        if body is None:
            body = await _read_body(scope, receive, max_bytes=max_bytes, timeouts=timeouts)
        elif len(body) > max_bytes:
            raise BodyTooLarge(max_bytes)
        if gzipped:
            try:
                body = await decode(body, max_bytes=max_bytes)
            except ContentTooLarge:
                raise BodyTooLarge(max_bytes) from None
        if len(body) > LARGE_BYTES:
            await pause()
        return body
    finally:
        if cycle is not None:
            cycle.release_body()


async def _read_body(
    scope: Scope, receive: Receive, *, max_bytes: int, timeouts: Timeouts | None
) -> bytes:
    """Read the whole body.

    Raises BodyTooLarge as early as possible, ClientDisconnect, and HttpProblem (504) on a timeout.

    A Content-Length above the limit is enough to reject a request. A smaller one is not
    trusted: the received bytes are counted.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and _exceeds(value, max_bytes):
            raise BodyTooLarge(max_bytes)
    chunks = bytearray()
    try:
        with nullcontext() if timeouts is None else timeouts.apply():
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks += message.get("body", b"")
                if len(chunks) > max_bytes:
                    raise BodyTooLarge(max_bytes)
                if not message.get("more_body"):
                    return bytes(chunks)
    except TimeoutError:
        assert timeouts is not None  # noqa: S101  # only its timeout raises it
        detail = f"The body was not received within {timeouts.timeout_s:g} s. Try again."
        raise HttpProblem(504, "TIMEOUT", detail) from None


def _exceeds(content_length: bytes, max_bytes: int) -> bool:
    digits = content_length.strip().lstrip(b"0")
    if not digits.isdigit():
        return False
    # Compare the number of digits first, because int() rejects very long texts.
    return len(digits) > len(str(max_bytes)) or int(digits) > max_bytes
