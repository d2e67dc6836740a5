"""The body of a request, read whole and never past its limit."""

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from app.http.problem import HttpProblem

__all__ = ["BodyTooLarge", "read_body"]


class BodyTooLarge(HttpProblem):
    """The body is larger than the limit."""

    def __init__(self, max_bytes: int) -> None:
        detail = f"The body is larger than {max_bytes} bytes."
        super().__init__(413, "PAYLOAD_TOO_LARGE", detail)
        self.max_bytes = max_bytes


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


def _declares_more(length: bytes, max_bytes: int) -> bool:
    digits = length.strip().lstrip(b"0")
    # Compared by digits first: a length may be longer than int() takes.
    if not digits.isdigit():
        return False
    return len(digits) > len(str(max_bytes)) or int(digits) > max_bytes
