"""Total orders of rows, and the SQL conditions for the rows after a position in one."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from engine.sql.expressions import Sql, concatenate
from engine.sql.timestamps import as_json

__all__ = ["Bound", "Keyset", "OrderTerm", "RowOrder", "TermKind"]

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
    def columns(self) -> tuple[str, ...] | None:
        """The columns of the terms; None if a term is another expression."""
        names = tuple([term.expression[1:-1] for term in self.terms])
        is_plain = all(
            term.expression == f'"{name}"' for term, name in zip(self.terms, names, strict=True)
        )
        return names if is_plain else None

    @property
    def marks(self) -> str:
        """The marks of the values of a keyset, joined by commas."""
        return ", ".join(
            # Sent as text, because the driver encodes datetime.min, which is Go's zero time, as
            # -infinity, and datetime.max as infinity.
            "CAST($? AS text)::timestamptz" if term.kind is TermKind.TIME else "$?"
            for term in self.terms
        )

    @property
    def expressions(self) -> str:
        """The expressions of the terms, joined by commas."""
        return ", ".join(term.expression for term in self.terms)

    def order_by(self, *, reverse: bool = False) -> str:
        """Return the content of the ORDER BY clause."""
        direction = " DESC" if self.descending != reverse else ""
        return ", ".join(term.expression + direction for term in self.terms)

    def within(self, bound: "Bound") -> Sql:
        """Return the condition for rows within a bound."""
        return Sql(f"({self.expressions}) {bound.operator} ({self.marks})", bound.keyset)

    def operator(self, *, reverse: bool = False, inclusive: bool = False) -> str:
        """Return the operator that compares rows after a position in this order with it."""
        return ("<" if self.descending != reverse else ">") + ("=" if inclusive else "")

    def beyond_row(self, row: Sql, *, reverse: bool = False) -> Sql:
        """Return the condition for rows after ``row``: values or a subquery, in parentheses."""
        return concatenate((f"({self.expressions}) {self.operator(reverse=reverse)} ", row))


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound of a part of a list: its rows compare with a keyset in this way."""

    # One of <, <=, > and >=.
    operator: str
    keyset: Keyset
