"""Memory that texts take in Python, compared with the bytes that PostgreSQL sends for them.

Python stores all characters of a text with the same width: 4 bytes if one of them is beyond
U+FFFF, as emoji are, else 2 beyond U+00FF, else 1. So a text of 64 KiB with one emoji takes
256 KiB.
"""

__all__ = ["TextMemory"]

# Shorter texts take less than the objects around them.
LONG_BYTES = 1024
# No text of PostgreSQL contains it, but the binary lengths and numbers around texts do.
_NUL = b"\0"
# The first bytes of characters of 4 bytes, in UTF-8 and in Python.
_WIDEST = tuple(bytes([byte]) for byte in range(0xF0, 0xF5))
_CONTINUES = bytes(range(0x80, 0xC0))
# Of longer parts without such characters, one byte of so many is examined. It is prime, so that
# characters of equal length are sampled at each of their bytes.
SAMPLED_FROM_BYTES = 16_384
SAMPLED = 61


class TextMemory:
    """The memory of the long texts of one statement, whose bytes arrive in parts."""

    __slots__ = ("_bytes", "_characters", "_counted", "_width")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        """Begin a text. The next part continues the last one of this part."""
        self._bytes = self._characters = self._counted = 0
        self._width = 1

    def add(self, data: bytes) -> int:
        """Return the memory that the texts of the next part take beyond their bytes."""
        end = data.find(_NUL)
        if end == -1:
            return self._append(data)
        extra = self._append(data[:end])
        is_ascii = data.isascii()
        start = end + 1
        # A long text that begins at `start` includes the byte at `probe`.
        while not is_ascii and (probe := start + LONG_BYTES - 1) < len(data):
            last = data.rfind(_NUL, start, probe + 1)
            if last != -1:
                start = last + 1
                continue
            end = data.find(_NUL, probe)
            if end == -1:
                break
            self._begin()
            extra += self._append(data[start:end])
            start = end + 1
        self._begin()
        return extra + self._append(data[data.rfind(_NUL) + 1 :])

    def _append(self, part: bytes) -> int:
        """Continue a text, and return how much its memory beyond its bytes has grown."""
        self._bytes += len(part)
        if part.isascii():
            self._characters += len(part)
        elif any(byte in part for byte in _WIDEST):
            self._width = 4
            self._characters += len(part.translate(None, _CONTINUES))
        else:
            # Up to U+00FF it is 1, but to find that out would take long.
            self._width = max(self._width, 2)
            sample = part[::SAMPLED] if len(part) > SAMPLED_FROM_BYTES else part
            first_bytes = len(sample.translate(None, _CONTINUES))
            self._characters += len(part) * first_bytes // len(sample)
        counted = self._counted
        if self._bytes >= LONG_BYTES:
            self._counted = max(counted, self._characters * self._width - self._bytes)
        return self._counted - counted
