"""Conditions and statements as data: SQL text with its values, never joined by hand.

A text marks each value with ``$?``; `render` numbers the marks when the statement
is whole. A text is always written by us: nothing of a caller's ever becomes part
of one, it becomes a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

MARK = "$?"


@dataclass(frozen=True, slots=True)
class ParentColumn:
    """Stands for a column of the parent row, in a query that is run for many parents at once."""

    column: str


class Access(Enum):
    """How PostgreSQL finds the rows of a condition."""

    # One by one, or in a way that we do not care for.
    SCANNED = "scanned"
    # By an index in an order, and it knows from its statistics how many there are.
    ORDERED = "ordered"
    # By an inverted index (GIN), in no order; and of how many there are it has but a guess.
    INVERTED = "inverted"


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL: ``text`` with one ``$?`` for each of ``values``.

    `access` says how the rows of a condition are found. Of an inverted one, ``beside`` is the
    ordered part of what is joined to it by AND, and it is narrowed where a part is scanned.
    """

    text: str
    values: tuple[Any, ...] = ()
    access: Access = Access.SCANNED
    beside: "Sql | None" = None
    is_narrowed: bool = False


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Join by AND; no condition at all is true."""
    parts = [one for one in conditions if one is not TRUE]
    match parts:
        case []:
            return TRUE
        case [condition]:
            return condition
    text, values = _joined(" AND ", parts)
    if any(one.access is Access.INVERTED for one in parts):
        beside = all_of(filter(None, map(_ordered_part, parts)))
        is_narrowed = any(one.access is Access.SCANNED or one.is_narrowed for one in parts)
        return Sql(text, values, Access.INVERTED, beside, is_narrowed)
    is_ordered = all(one.access is Access.ORDERED for one in parts)
    return Sql(text, values, Access.ORDERED if is_ordered else Access.SCANNED)


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Join by OR; no condition at all is false."""
    parts = list(conditions)
    match parts:
        case []:
            return FALSE
        case [condition]:
            return condition
    is_inverted = all(one.access is Access.INVERTED for one in parts)
    return Sql(*_joined(" OR ", parts), Access.INVERTED if is_inverted else Access.SCANNED)


def negation(condition: Sql) -> Sql:
    """Negate in two-valued logic: where the condition is not true, be it false or null."""
    return Sql(f"({condition.text}) IS NOT TRUE", condition.values)


def render(piece: Sql, *, outer: str = "") -> tuple[str, list[Any]]:
    """Return the numbered text and its values; ``outer`` is the alias of the parents."""
    texts = piece.text.split(MARK)
    rendered = [texts[0]]
    values: list[Any] = []
    for value, text in zip(piece.values, texts[1:], strict=True):
        if isinstance(value, ParentColumn):
            rendered.append(f'{outer}."{value.column}"')
        else:
            values.append(value)
            rendered.append(f"${len(values)}")
        rendered.append(text)
    return "".join(rendered), values


def concatenate(pieces: Sequence[Sql | str]) -> Sql:
    """Put pieces one after the other; how the rows of what comes out are found is not known."""
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    values = tuple(value for piece in pieces if isinstance(piece, Sql) for value in piece.values)
    return Sql(text, values)


def _ordered_part(condition: Sql) -> Sql | None:
    return condition if condition.access is Access.ORDERED else condition.beside


def _joined(word: str, conditions: list[Sql]) -> tuple[str, tuple[Any, ...]]:
    text = word.join([f"({condition.text})" for condition in conditions])
    return text, tuple([value for condition in conditions for value in condition.values])
