"""The body of a request, read whole and never past its limits."""

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from app.http.problem import HttpProblem
from app.http.request_cycle import request_cycle_of
from engine.database.timeouts import Timeouts

__all__ = ["BodyTooLarge", "body_at_hand", "read_body", "read_body_in_time"]


class BodyTooLarge(HttpProblem):
    """The body is larger than the limit."""

    def __init__(self, max_bytes: int) -> None:
        detail = f"The body is larger than {max_bytes} bytes."
        super().__init__(413, "PAYLOAD_TOO_LARGE", detail)
        self.max_bytes = max_bytes


def body_at_hand(receive: Receive, *, max_bytes: int) -> bytes | None:
    """Return the whole body where it has come already, as nearly all do; raises BodyTooLarge."""
    exchange = request_cycle_of(receive)
    body = exchange.take_body() if exchange is not None else None
    if body is not None and len(body) > max_bytes:
        raise BodyTooLarge(max_bytes)
    return body


async def read_body(scope: Scope, receive: Receive, *, max_bytes: int) -> bytes:
    """Return the whole body; raises BodyTooLarge as soon as that is known, or ClientDisconnect.

    A length that is declared is believed only when it is too large: the bytes
    that come are counted.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and _declares_more(value, max_bytes):
            raise BodyTooLarge(max_bytes)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > max_bytes:
            raise BodyTooLarge(max_bytes)
        return body
    chunks = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks += message.get("body", b"")
        if len(chunks) > max_bytes:
            raise BodyTooLarge(max_bytes)
        if not message.get("more_body"):
            return bytes(chunks)
        message = await receive()


async def read_body_in_time(
    scope: Scope, receive: Receive, *, max_bytes: int, deadlines: Timeouts
) -> bytes:
    """Return the whole body, as `read_body`; raises HttpProblem (504) where it does not come."""
    try:
        with deadlines.apply():
            return await read_body(scope, receive, max_bytes=max_bytes)
    except TimeoutError:
        detail = f"The body did not come within {deadlines.timeout_s:g} s."
        raise HttpProblem(504, "TIMEOUT", detail) from None


def _declares_more(length: bytes, max_bytes: int) -> bool:
    digits = length.strip().lstrip(b"0")
    # Compared by digits first: a length may be longer than int() takes.
    if not digits.isdigit():
        return False
    return len(digits) > len(str(max_bytes)) or int(digits) > max_bytes
