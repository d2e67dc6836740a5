"""Total orders of rows, and the SQL conditions for the rows after a position in one."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from engine.sql.expressions import Sql, concatenate
from engine.sql.timestamps import as_json

__all__ = ["Keyset", "OrderTerm", "RowOrder", "TermKind"]

# The values of one row for the terms of an order. Timestamps are text, as in a cursor.
Keyset: TypeAlias = tuple[Any, ...]


class TermKind(Enum):
    """PostgreSQL's types of value that rows can be ordered by."""

    TEXT = "text"
    INTEGER = "integer"
    BIGINT = "bigint"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One SQL expression in an order; it must never be null."""

    expression: str
    kind: TermKind

    @property
    def selected(self) -> str:
        """The expression to select for a cursor."""
        return as_json(self.expression) if self.kind is TermKind.TIME else self.expression


@dataclass(frozen=True, slots=True)
class RowOrder:
    """A total order of rows: the last term must be unique. All terms have the same direction."""

    # Part of every cursor, so that a cursor from another list is rejected.
    name: str
    terms: tuple[OrderTerm, ...]
    descending: bool = False

    @property
    def expressions(self) -> str:
        """The expressions of the terms, joined by commas."""
        return ", ".join(term.expression for term in self.terms)

    def order_by(self, *, reverse: bool = False) -> str:
        """Return the content of the ORDER BY clause."""
        direction = " DESC" if self.descending != reverse else ""
        return ", ".join(term.expression + direction for term in self.terms)

    def beyond(self, keyset: Keyset, *, reverse: bool = False, inclusive: bool = False) -> Sql:
        """Return the condition for rows after a keyset in this order (before it, in reverse)."""
        marks = ", ".join(
            # Sent as text, because the driver encodes datetime.min, which is Go's zero time, as
            # -infinity, and datetime.max as infinity.
            "CAST($? AS text)::timestamptz" if term.kind is TermKind.TIME else "$?"
            for term in self.terms
        )
        return self.beyond_row(Sql(f"({marks})", keyset), reverse=reverse, inclusive=inclusive)

    def beyond_row(self, row: Sql, *, reverse: bool = False, inclusive: bool = False) -> Sql:
        """Return the condition for rows after ``row``: values or a subquery, in parentheses."""
        operator = "<" if self.descending != reverse else ">"
        return concatenate((f"({self.expressions}) {operator}{'=' if inclusive else ''} ", row))
