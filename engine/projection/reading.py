"""Statements run, and their records by parent; small reads of one parent with others of theirs."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from engine.database.batching import batched
from engine.database.client import fetch
from engine.projection.compiled import CompiledSelection
from engine.projection.projection import ObjectProjection, Record
from engine.sql.expressions import ParentColumn, Sql, render
from engine.sql.queries import SingleRow
from engine.sql.statements import PARENTS, for_each_parent, row_statement

__all__ = ["Groups", "ParentKeys", "nest", "read", "read_row", "read_small", "run"]

_Parents: TypeAlias = Sequence[tuple[str | None, ...]]
# For each parent its records, in their order; for one where there is none.
Groups: TypeAlias = list[list[Record]]
_Reading: TypeAlias = Coroutine[Any, Any, Groups]

_TEXTS = {str}


@dataclass(frozen=True, slots=True)
class ParentKeys:
    """The parents of a nested query: the values of the columns that it refers to."""

    names: tuple[str, ...]
    parents: _Parents


def nest(statement: Sql, under: ParentKeys | None) -> Sql:
    """Return the statement as it is run for these parents, or for none."""
    return for_each_parent(statement, under.names) if under else statement


async def run(statement: Sql) -> list[Any]:
    """Run a statement that has no parents and return its records."""
    return await fetch(*render(statement, outer=PARENTS))


async def read(text: str, values: Sequence[Any], under: ParentKeys | None) -> Groups:
    """Run the text of a statement and return its records by parent."""
    if under is None:
        return [cast("list[Record]", await fetch(text, values))]
    arrays = [list(column) for column in zip(*under.parents, strict=True)]
    bound = [value for value in values if not isinstance(value, ParentColumn)]
    groups: Groups = [[] for _ in under.parents]
    for record in await fetch(text, [*arrays, *bound]):
        groups[record[-1] - 1].append(record)
    return groups


async def read_small(
    text: str, values: Sequence[Any], under: ParentKeys | None, *, max_rows: int
) -> Groups:
    """Read at most so many rows for each parent; those of a single one with others of their kind.

    What others bind a value to is not of their kind.
    """
    if (
        under is None
        or len(under.parents) > 1
        or any(not isinstance(value, ParentColumn) for value in values)
    ):
        return await read(text, values, under)

    def read_all(parents: _Parents) -> _Reading:
        return read(text, values, ParentKeys(under.names, parents))

    [parent] = under.parents
    return [await batched(text, parent, together=read_all, alone=read_all, max_rows=max_rows)]


async def read_row(shape: CompiledSelection[ObjectProjection], query: SingleRow) -> list[Record]:
    """Read the row of a query that has no parents; of those who ask for theirs each is a parent."""
    key = (query.where.text, query.order)
    values = query.where.values
    text = shape.text(key, lambda: row_statement(query, shape.columns))
    # The columns of parents are of text.
    if not values or not _TEXTS.issuperset(map(type, values)):
        return (await read(text, values, None))[0]

    def together(parents: _Parents) -> _Reading:
        names = tuple([f"value_{number}" for number in range(len(values))])
        outer = replace(query, where=Sql(query.where.text, tuple(map(ParentColumn, names))))
        under = ParentKeys(names, parents)
        many = shape.text(("many", *key), lambda: nest(row_statement(outer, shape.columns), under))
        return read(many, outer.where.values, under)

    def alone(_: _Parents) -> _Reading:
        return read(text, values, None)

    return await batched(text, values, together=together, alone=alone, max_rows=1)
