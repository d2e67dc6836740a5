"""Errors of operations whose statements receive too much."""

from engine.database.errors import Overloaded
from engine.database.memory_limits import CALLER_BYTES, PROCESS_BYTES, PROCESS_GRANTS

__all__ = ["MemoryGrantsExceeded", "ReadTooLarge"]


class ReadTooLarge(Exception):
    """The statements of an operation have received more than it may receive."""


class MemoryGrantsExceeded(Overloaded):
    """An operation with a large answer waited too long for others; the message is for clients."""

    def __init__(self, *, waited_s: float, max_bytes: int) -> None:
        super().__init__(
            f"Other requests with large answers have made no progress for {waited_s:g} s. The"
            f" operations of a caller may read {CALLER_BYTES:,} bytes at once, those of all callers"
            f" {PROCESS_BYTES:,}; beyond that one operation of a caller runs at a time,"
            f" {PROCESS_GRANTS} of all callers, and one whose texts take more than {max_bytes:,}"
            " bytes of memory (4 for each character of a text with emoji). These limits are fixed."
            " Request smaller pages, or send fewer requests at once."
        )
