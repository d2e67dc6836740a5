"""Conditions and statements as data: SQL text with its values, never joined by hand.

A text marks each value with ``$?``; `render` numbers the marks when the statement
is whole. A text is always written by us: nothing of a caller's ever becomes part
of one, it becomes a value.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MARK = "$?"


@dataclass(frozen=True, slots=True)
class Outer:
    """Stands for a column of the parent row, in a query that is run for many parents at once."""

    column: str


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL: ``text`` with one ``$?`` for each of ``values``.

    A condition is ``inverted`` where an inverted index answers it (GIN): its rows come in
    no order, and of how many there are PostgreSQL has but a guess.
    """

    text: str
    values: tuple[Any, ...] = ()
    inverted: bool = False


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Join by AND; no condition at all is true."""
    return _join(" AND ", [one for one in conditions if one is not TRUE], TRUE, any)


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Join by OR; no condition at all is false."""
    return _join(" OR ", list(conditions), FALSE, all)


def negation(condition: Sql) -> Sql:
    """Negate in two-valued logic: where the condition is not true, be it false or null."""
    return Sql(f"({condition.text}) IS NOT TRUE", condition.values)


def render(piece: Sql, *, outer: str = "") -> tuple[str, list[Any]]:
    """Return the numbered text and its values; ``outer`` is the alias of the parents."""
    texts = piece.text.split(MARK)
    rendered = [texts[0]]
    values: list[Any] = []
    for value, text in zip(piece.values, texts[1:], strict=True):
        if isinstance(value, Outer):
            rendered.append(f'{outer}."{value.column}"')
        else:
            values.append(value)
            rendered.append(f"${len(values)}")
        rendered.append(text)
    return "".join(rendered), values


def concatenate(pieces: Sequence[Sql | str]) -> Sql:
    """Put pieces one after the other: no condition, but what has conditions in it."""
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    values = tuple(value for piece in pieces if isinstance(piece, Sql) for value in piece.values)
    return Sql(text, values)


def _join(
    word: str, conditions: list[Sql], nothing: Sql, is_inverted: Callable[[Iterable[bool]], bool]
) -> Sql:
    if not conditions:
        return nothing
    if len(conditions) == 1:
        return conditions[0]
    text = word.join(f"({condition.text})" for condition in conditions)
    values = tuple(value for condition in conditions for value in condition.values)
    return Sql(text, values, is_inverted(condition.inverted for condition in conditions))
