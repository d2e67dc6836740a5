"""Detection of clients that have closed their connections while the server reads nothing."""

import asyncio
import select
import sys

__all__ = ["has_closed"]

# Linux reports the end of a client's side; other systems report errors only.
_END = select.POLLRDHUP if sys.platform == "linux" else 0


def has_closed(transport: asyncio.Transport) -> bool:
    """Return whether the client has ended or reset the connection.

    The server closes a connection when it reads the end of the client's side, also while a
    request waits for its response. A paused transport does not read, and does not notice.
    """
    if transport.is_closing():
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), _END)
    return any(events & (_END | select.POLLERR) for _, events in poll.poll(0))
