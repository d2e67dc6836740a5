"""Opaque cursors: the position of a row in an order, encoded for clients.

A cursor holds the values that its row is ordered by. The next page is therefore a range of an
index, however deep the page is, and stays correct while rows are inserted and deleted.
"""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from orjson import Fragment

from engine.sql.ordering import Keyset, OrderTerm, RowOrder, TermKind
from engine.sql.timestamps import format_timestamp, is_cursor_timestamp

__all__ = ["InvalidPageArgument", "cursor_encoder", "decode_cursor", "encode_cursor"]

_MAX_CURSOR_LENGTH = 8192
# Of PostgreSQL's types: a larger value would be an error of the driver.
_INTEGER_LIMITS = {TermKind.INTEGER: 2**31, TermKind.BIGINT: 2**63}


class InvalidPageArgument(ValueError):
    """A paging argument is invalid; the message says what is allowed."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


def encode_cursor(order: RowOrder, keyset: Sequence[Any]) -> str:
    """Return the cursor of a row with these values for the terms of the order."""
    record = [format_timestamp(value) if isinstance(value, datetime) else value for value in keyset]
    return cursor_encoder(order, tuple(range(len(order.terms))))([record])[0]


# The indexes depend on what clients select.
@lru_cache(maxsize=1000)
def cursor_encoder(
    order: RowOrder, indexes: tuple[int, ...]
) -> Callable[[Sequence[Sequence[Any]]], list[str]]:
    """Return a function that encodes the cursors of records.

    ``indexes`` are the positions in a record of the terms' `selected` expressions.
    """
    keyset = ", ".join(
        f"fragment(record[{index}])" if term.kind is TermKind.TIME else f"record[{index}]"
        for term, index in zip(order.terms, indexes, strict=True)
    )
    # Generated code, like the row builders of a projection. It contains no client input.
    encode_lines: Callable[[Sequence[Sequence[Any]]], list[bytes]] = eval(  # noqa: S307
        f"lambda records: [line(dumps([name, {keyset}])) for record in records]",
        {"name": order.name, "fragment": Fragment, "line": b2a_base64, "dumps": orjson.dumps},
    )

    def encode(records: Sequence[Sequence[Any]]) -> list[str]:
        text = b"".join(encode_lines(records))
        # The URL-safe alphabet of RFC 4648, section 5. bytes.translate takes twice as long.
        text = text.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"")
        return text.decode("ascii").splitlines()

    return encode


def decode_cursor(order: RowOrder, cursor: str, *, argument: str) -> Keyset:
    """Return the values in a cursor.

    Raises InvalidPageArgument if the text is not a cursor, or belongs to another order.
    """
    if len(cursor) > _MAX_CURSOR_LENGTH:
        raise InvalidPageArgument(argument, f"{argument} is not a cursor: it is too long.")
    not_a_cursor = f"{argument} is not a cursor: pass one that this list returned."
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(urlsafe_b64decode(padded))
    except ValueError:
        raise InvalidPageArgument(argument, not_a_cursor) from None
    if not isinstance(content, list) or not content or content[0] != order.name:
        message = f"{argument} is a cursor of another list, or of this list in another order."
        raise InvalidPageArgument(argument, message)
    values = content[1:]
    if len(values) != len(order.terms) or not all(map(_is_valid, order.terms, values)):
        raise InvalidPageArgument(argument, not_a_cursor)
    return tuple(values)


def _is_valid(term: OrderTerm, value: object) -> bool:
    match term.kind:
        case TermKind.TEXT:
            return isinstance(value, str) and "\0" not in value
        case TermKind.INTEGER | TermKind.BIGINT:
            limit = _INTEGER_LIMITS[term.kind]
            return type(value) is int and -limit <= value < limit
        case TermKind.TIME:
            return isinstance(value, str) and is_cursor_timestamp(value)
