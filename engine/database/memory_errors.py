"""Errors of operations whose statements receive too much."""

from engine.database.errors import Overloaded

__all__ = ["MemoryGrantsExceeded", "ReadTooLarge"]


class ReadTooLarge(Exception):
    """The statements of an operation have received more than it may receive."""


class MemoryGrantsExceeded(Overloaded):
    """An operation with a large answer waited too long for others; the message is for clients."""

    def __init__(
        self, *, waited_s: float, caller_bytes: int, process_bytes: int, grants: int, max_bytes: int
    ) -> None:
        super().__init__(
            f"Other requests with large answers were running for {waited_s:g} s. The operations of"
            f" a caller may read {caller_bytes:,} bytes at once, those of all callers"
            f" {process_bytes:,}; beyond that one operation of a caller runs at a time, {grants} of"
            f" all callers, and one whose texts take more than {max_bytes:,} bytes of memory (4 for"
            " each character of a text with emoji). These limits are fixed. Request smaller pages,"
            " or send fewer requests at once."
        )
