"""SQL text together with its values, so that values never become part of the text.

Each value is marked by ``$?`` in the text; `render` numbers the marks when the statement is
complete. Texts are constants of the code: input of a client is always a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

MARK = "$?"


@dataclass(frozen=True, slots=True)
class ParentColumn:
    """Placeholder value: a column of the parent row, in a query that runs for many parents."""

    column: str


class Access(Enum):
    """How PostgreSQL can find the rows that satisfy a condition."""

    # One by one, or through any index not listed below.
    SCANNED = "scanned"
    # Through an ordered index (B-tree), with statistics on the number of rows.
    ORDERED = "ordered"
    # Through an inverted index (GIN), in no order, with only a rough estimate of their number.
    INVERTED = "inverted"


@dataclass(frozen=True, slots=True)
class OneOf:
    """Restriction of a column: its value is one of these, or null if null is the only one."""

    values: tuple[str | None, ...]
    # All values that the column can have, if it is an enumeration that is never null.
    members: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Restriction of a column: a comparison with an SQL expression."""

    # One of <, <=, > and >=.
    operator: str
    operand: "Sql"


# Restrictions by column. A column has one `OneOf`, or any number of comparisons.
Restrictions: TypeAlias = tuple[tuple[str, OneOf | Compared], ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL: ``text`` with one ``$?`` for each of ``values``.

    ``access`` says how the rows of a condition are found. The next two fields are set only for
    an inverted condition that is joined by AND to others: ``ordered_part`` is the part of it
    that an ordered index answers, and ``has_scanned_part`` is true if rows are also filtered by
    a condition without an index. ``restrictions`` is the condition in another form, if it
    consists of restrictions of columns alone (see `engine.sql.index_ranges`).
    """

    text: str
    values: tuple[Any, ...] = ()
    access: Access = Access.SCANNED
    ordered_part: "Sql | None" = None
    has_scanned_part: bool = False
    restrictions: Restrictions = ()


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Join conditions by AND; no condition is TRUE.

    The result is inverted if any part is, and ordered if all parts are.
    """
    parts = [condition for condition in conditions if condition is not TRUE]
    match parts:
        case []:
            return TRUE
        case [condition]:
            return condition
    text, values = _join(" AND ", parts)
    accesses = [part.access for part in parts]
    if Access.INVERTED in accesses:
        return Sql(
            text,
            values,
            Access.INVERTED,
            ordered_part=_ordered_part(parts),
            has_scanned_part=_has_scanned_part(parts),
        )
    is_ordered = all(access is Access.ORDERED for access in accesses)
    access = Access.ORDERED if is_ordered else Access.SCANNED
    return Sql(text, values, access, restrictions=_restrictions(parts))


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Join conditions by OR; no condition is FALSE.

    The result is inverted if all parts are, and otherwise scanned. It is a restriction if all parts
    restrict the same column.
    """
    parts = list(conditions)
    match parts:
        case []:
            return FALSE
        case [condition]:
            return condition
    is_inverted = all(part.access is Access.INVERTED for part in parts)
    access = Access.INVERTED if is_inverted else Access.SCANNED
    return Sql(*_join(" OR ", parts), access, restrictions=_alternatives(parts))


def negation(condition: Sql) -> Sql:
    """Negate a condition in two-valued logic: the result is true where it is false or null."""
    restrictions: Restrictions = ()
    match condition.restrictions:
        case ((column, OneOf(values, members)),) if members is not None:
            others = tuple([member for member in members if member not in values])
            restrictions = ((column, OneOf(others, members)),)
    return Sql(f"({condition.text}) IS NOT TRUE", condition.values, restrictions=restrictions)


def render(piece: Sql, *, outer: str = "") -> tuple[str, list[Any]]:
    """Return the text with numbered marks, and its values.

    ``outer`` is the alias of the table that parent columns refer to.
    """
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
    """Return the pieces one after another, without the access of any of them."""
    text = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    values = tuple(value for piece in pieces if isinstance(piece, Sql) for value in piece.values)
    return Sql(text, values)


def _ordered_part(parts: Sequence[Sql]) -> Sql:
    """Return the parts that an ordered index answers, those nested in inverted parts included."""
    found = [part if part.access is Access.ORDERED else part.ordered_part for part in parts]
    return all_of(part for part in found if part is not None)


def _restrictions(parts: Sequence[Sql]) -> Restrictions:
    """Return the restrictions of all parts; none if a part is something else."""
    if not all(part.restrictions for part in parts):
        return ()
    found: list[tuple[str, OneOf | Compared]] = []
    one_of: dict[str, OneOf] = {}
    for part in parts:
        for column, restriction in part.restrictions:
            if isinstance(restriction, Compared):
                found.append((column, restriction))
            else:
                earlier = one_of.get(column, restriction).values
                values = tuple([one for one in earlier if one in restriction.values])
                one_of[column] = OneOf(values, restriction.members)
    return (*one_of.items(), *found)


def _alternatives(parts: Sequence[Sql]) -> Restrictions:
    """Return the restriction of the column that all parts restrict, and nothing else."""
    columns = {column for part in parts for column, _ in part.restrictions}
    lists = [one for part in parts for _, one in part.restrictions if isinstance(one, OneOf)]
    if len(columns) != 1 or any(len(part.restrictions) != 1 for part in parts):
        return ()
    values = tuple(dict.fromkeys(value for one in lists for value in one.values))
    if len(lists) != len(parts) or (None in values and len(values) > 1):
        return ()
    return ((columns.pop(), OneOf(values, lists[0].members)),)


def _has_scanned_part(parts: Sequence[Sql]) -> bool:
    return any(part.access is Access.SCANNED or part.has_scanned_part for part in parts)


def _join(operator: str, conditions: Sequence[Sql]) -> tuple[str, tuple[Any, ...]]:
    text = operator.join([f"({condition.text})" for condition in conditions])
    return text, tuple([value for condition in conditions for value in condition.values])
