"""Bytes of this process that wait for clients to read them, for the metrics."""

from dataclasses import dataclass

__all__ = ["UNREAD", "UnreadBytes"]


@dataclass(slots=True)
class UnreadBytes:
    """The bytes that wait now, and their limit."""

    used: int = 0
    limit: int = 0


UNREAD = UnreadBytes()
