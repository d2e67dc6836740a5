"""Windows of an ordered list, from connection arguments (Relay Cursor Connections, section 4)."""

from dataclasses import dataclass

from engine.sql.cursors import InvalidPageArgument, decode_cursor
from engine.sql.ordering import Keyset, RowOrder

__all__ = ["DEFAULT_PAGE_SIZE", "MAX_PAGE_SIZE", "Window", "page_window"]

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a page: ``size`` rows from the start or the end of a range of the list."""

    size: int = DEFAULT_PAGE_SIZE
    backward: bool = False
    after: Keyset | None = None
    before: Keyset | None = None

    @property
    def start(self) -> Keyset | None:
        """The keyset that the page starts from; None for an end of the list."""
        return self.before if self.backward else self.after


def page_window(
    order: RowOrder,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """Return the window for the arguments of a connection.

    Raises InvalidPageArgument; a size that is out of range is never clamped.
    """
    if first is not None and last is not None:
        raise InvalidPageArgument("last", "Give either first or last, not both.")
    size = last if first is None else first
    if size is None:
        size = DEFAULT_PAGE_SIZE
    elif not 1 <= size <= MAX_PAGE_SIZE:
        argument = "last" if first is None else "first"
        message = f"{argument} must be from 1 to {MAX_PAGE_SIZE}, not {size}."
        raise InvalidPageArgument(argument, message)
    return Window(
        size=size,
        backward=last is not None or (first is None and before is not None and after is None),
        after=None if after is None else decode_cursor(order, after, argument="after"),
        before=None if before is None else decode_cursor(order, before, argument="before"),
    )
