"""Keyset pages: orders, opaque cursors, and windows (Relay cursor connections, section 4).

A cursor holds the values that its row is ordered by, so that the page after it is
a range of an index, whatever the depth, and stays right while rows come and go.
"""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeAlias

import orjson
from orjson import Fragment

from engine.sql.expressions import Sql, concatenate
from engine.sql.timestamps import as_json, format_timestamp, is_cursor_timestamp

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 50
_MAX_CURSOR_LENGTH = 8192

# The values that a row is ordered by; a moment is a text, as in the cursor.
Keyset: TypeAlias = tuple[Any, ...]


class TermKind(Enum):
    """The kinds of value that rows are ordered by."""

    TEXT = "text"
    INTEGER = "integer"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One expression that rows are ordered by; never null."""

    expression: str
    kind: TermKind

    @property
    def selected(self) -> str:
        """What to select for a cursor."""
        return as_json(self.expression) if self.kind is TermKind.TIME else self.expression


@dataclass(frozen=True, slots=True)
class RowOrder:
    """A total order of rows: the last term must be unique. All terms run in one direction."""

    # Part of every cursor, so that a cursor of another list is told apart.
    name: str
    terms: tuple[OrderTerm, ...]
    descending: bool = False

    @property
    def expressions(self) -> str:
        """What rows are ordered by, joined by commas."""
        return ", ".join(term.expression for term in self.terms)

    def clause(self, *, reverse: bool = False) -> str:
        """Return the ORDER BY clause's terms."""
        direction = " DESC" if self.descending != reverse else ""
        return ", ".join(term.expression + direction for term in self.terms)

    def beyond(self, keyset: Keyset, *, reverse: bool = False, inclusive: bool = False) -> Sql:
        """Return the condition for rows after a keyset in this order (before it, in reverse)."""
        marks = ", ".join(
            # As text, for the driver takes the first moment of a datetime for -infinity, and
            # the last for infinity; the first is what Go stores as no time at all.
            "CAST($? AS text)::timestamptz" if term.kind is TermKind.TIME else "$?"
            for term in self.terms
        )
        return self.beyond_row(Sql(f"({marks})", keyset), reverse=reverse, inclusive=inclusive)

    def beyond_row(self, row: Sql, *, reverse: bool = False, inclusive: bool = False) -> Sql:
        """Return the condition for rows after ``row``: values, or a query, in parentheses."""
        operator = "<" if self.descending != reverse else ">"
        return concatenate((f"({self.expressions}) {operator}{'=' if inclusive else ''} ", row))


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of an ordered list make the page: ``size`` of them from one of its ends."""

    size: int = DEFAULT_PAGE_SIZE
    backward: bool = False
    after: Keyset | None = None
    before: Keyset | None = None

    @property
    def start(self) -> Keyset | None:
        """The cursor that the page starts from; without one it starts at an end of the list."""
        return self.before if self.backward else self.after


class InvalidWindow(ValueError):
    """A paging argument that cannot be used; the text says what is allowed."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


def window(
    order: RowOrder,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """Check the arguments of a connection; raises InvalidWindow, never clamps."""
    if first is not None and last is not None:
        raise InvalidWindow("last", "Give either first or last, not both.")
    size = last if first is None else first
    if size is None:
        size = DEFAULT_PAGE_SIZE
    elif not 1 <= size <= MAX_PAGE_SIZE:
        argument = "last" if first is None else "first"
        message = f"{argument} must be from 1 to {MAX_PAGE_SIZE}, not {size}."
        raise InvalidWindow(argument, message)
    return Window(
        size=size,
        backward=last is not None or (first is None and before is not None and after is None),
        after=None if after is None else decode_cursor(order, after, argument="after"),
        before=None if before is None else decode_cursor(order, before, argument="before"),
    )


def encode_cursor(order: RowOrder, keyset: Sequence[Any]) -> str:
    """Return the opaque cursor of a row with these values in the terms of the order."""
    record = [format_timestamp(value) if isinstance(value, datetime) else value for value in keyset]
    return cursor_encoder(order, tuple(range(len(order.terms))))([record])[0]


@cache
def cursor_encoder(
    order: RowOrder, places: tuple[int, ...]
) -> Callable[[Sequence[Sequence[Any]]], list[str]]:
    """Return the function that makes the cursors of records.

    At these places they have what was `selected` for the terms of the order.
    """
    keyset = ", ".join(
        f"fragment(record[{place}])" if term.kind is TermKind.TIME else f"record[{place}]"
        for term, place in zip(order.terms, places, strict=True)
    )
    # Written as code, like the rows of a projection; there is nothing of a caller in it.
    lines: Callable[[Sequence[Sequence[Any]]], list[bytes]] = eval(  # noqa: S307
        f"lambda records: [line(dumps([name, {keyset}])) for record in records]",
        {"name": order.name, "fragment": Fragment, "line": b2a_base64, "dumps": orjson.dumps},
    )

    def encode(records: Sequence[Sequence[Any]]) -> list[str]:
        text = b"".join(lines(records))
        # RFC 4648, section 5. A table for all of it takes twice as long.
        text = text.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"")
        return text.decode("ascii").splitlines()

    return encode


def decode_cursor(order: RowOrder, cursor: str, *, argument: str) -> Keyset:
    """Return the values in a cursor; raises InvalidWindow where it is none, or of another list."""
    if len(cursor) > _MAX_CURSOR_LENGTH:
        raise InvalidWindow(argument, f"{argument} is not a cursor: it is too long.")
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(urlsafe_b64decode(padded))
    except ValueError:
        message = f"{argument} is not a cursor: pass one that this list answered."
        raise InvalidWindow(argument, message) from None
    if not isinstance(content, list) or not content or content[0] != order.name:
        message = f"{argument} is a cursor of another list, or of this one in another order."
        raise InvalidWindow(argument, message)
    values = content[1:]
    if len(values) != len(order.terms) or not all(map(_fits, order.terms, values)):
        message = f"{argument} is not a cursor: pass one that this list answered."
        raise InvalidWindow(argument, message)
    return tuple(values)


# What an int8 can hold.
_INTEGER_LIMIT = 2**63


def _fits(term: OrderTerm, value: object) -> bool:
    match term.kind:
        case TermKind.TEXT:
            return isinstance(value, str) and "\0" not in value
        case TermKind.INTEGER:
            return type(value) is int and -_INTEGER_LIMIT <= value < _INTEGER_LIMIT
        case TermKind.TIME:
            return isinstance(value, str) and is_cursor_timestamp(value)
