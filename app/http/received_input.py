"""Memory of received input that is not processed: of one caller, and of all callers.

This is the bodies of requests until they are read, and the messages of WebSockets until they are
handled. One of them has at most MAX_BODY_BYTES, but a client can begin many, and end none.
"""

from app.http.input_usage import UNPROCESSED

__all__ = ["UNCOUNTED_BYTES", "HeldInput", "ReceivedInput", "max_received_bytes"]

# Smaller bodies and messages are bounded by the number of connections.
UNCOUNTED_BYTES = 4096
# Of all callers. It is larger if fewer than four of the largest bodies would fit.
MAX_TOTAL_BYTES = 128 * 2**20


def max_received_bytes(max_body_bytes: int) -> int:
    """Return how many bytes all callers together may have in the account."""
    return max(MAX_TOTAL_BYTES, 4 * max_body_bytes)


class ReceivedInput:
    """Account of the received input of this process.

    A caller may take half of the total. When the total is exhausted, a caller may still have as
    much as one body, so that those who hold the memory do not exclude others.
    """

    def __init__(self, *, max_body_bytes: int) -> None:
        self._max_total = max_received_bytes(max_body_bytes)
        self._max_share = self._max_total // 2
        self._max_body = max_body_bytes
        # Without entries for groups that hold nothing.
        self._by_group: dict[str, int] = {}
        self.total_bytes = 0

    def change(self, group: str, difference: int) -> bool:
        """Count more or fewer bytes of a group; false, and no change, beyond the limit."""
        of_group = self._by_group.get(group, 0) + difference
        total = self.total_bytes + difference
        if difference > 0 and (
            of_group > self._max_share or (total > self._max_total and of_group > self._max_body)
        ):
            UNPROCESSED.refused += 1
            return False
        self.total_bytes = total
        UNPROCESSED.used += difference
        if of_group:
            self._by_group[group] = of_group
        else:
            self._by_group.pop(group, None)
        return True


class HeldInput:
    """The size of one body or message in the account."""

    __slots__ = ("_account", "_group", "_size")

    def __init__(self, account: ReceivedInput) -> None:
        self._account = account
        self._group = ""
        self._size = 0

    def resize(self, group: str, size: int) -> bool:
        """Set the size; false, and no change, if it exceeds the limit.

        All bytes count for the group of the first ones.
        """
        if size <= UNCOUNTED_BYTES:
            self.release()
            return True
        if not self._size:
            self._group = group
        if not self._account.change(self._group, size - self._size):
            return False
        self._size = size
        return True

    def release(self) -> None:
        """Give the bytes back; more than one call does no harm."""
        if self._size:
            self._account.change(self._group, -self._size)
            self._size = 0
