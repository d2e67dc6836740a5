"""Callbacks that run after each commit of this process."""

from collections.abc import Callable, Sequence

__all__ = ["COMMITS", "notify_commit", "on_commit"]

# The topic of every commit.
COMMITS = "commits"

_callbacks: list[Callable[[Sequence[str]], None]] = []


def on_commit(callback: Callable[[Sequence[str]], None]) -> Callable[[], None]:
    """Register a function that is called with the topics of each commit in this process.

    Returns a function that removes it.
    """
    _callbacks.append(callback)
    return lambda: _callbacks.remove(callback)


def notify_commit(topics: Sequence[str] = (COMMITS,)) -> None:
    """Call the registered functions.

    Call this after a statement that commits by itself. Transactions of the ORM call it when they
    commit.
    """
    for callback in _callbacks:
        callback(topics)
