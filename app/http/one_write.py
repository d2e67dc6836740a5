"""The head of an answer and its body leave in one write.

uvicorn writes them one after the other: two system calls, and two packets, for each
answer.
"""

import asyncio
from typing import Any

__all__ = ["OneWriteTransport"]

_HEAD = b"HTTP/1.1 "


class OneWriteTransport(asyncio.Transport):
    """Holds a head back until the body comes, but not beyond this turn of the loop."""

    __slots__ = ("_held", "_loop", "inner")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.inner = inner
        self._loop = loop
        self._held: bytes | None = None

    def write(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn has bytes
        """Send, or hold what begins an answer."""
        if self._held is not None:
            held, self._held = self._held, None
            self.inner.writelines((held, data))
        elif data.startswith(_HEAD):
            self._held = data
            self._loop.call_soon(self.release)
        else:
            self.inner.write(data)

    def release(self) -> None:
        """Send what is held."""
        if self._held is not None:
            held, self._held = self._held, None
            self.inner.write(held)

    def write_eof(self) -> None:
        """Send what is held, and say that nothing more comes."""
        self.release()
        self.inner.write_eof()

    def close(self) -> None:
        """Close, when all is sent."""
        self.release()
        self.inner.close()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self.inner.is_closing()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self.inner.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self.inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self.inner.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another protocol go on."""
        self.inner.set_protocol(protocol)
