"""Statements run, and their records by parent; small reads of one parent with others of theirs."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from engine.database.batching import batched
from engine.database.queries import fetch
from engine.projection.compiled import CompiledSelection
from engine.projection.projection import ObjectProjection, Record
from engine.sql.expressions import ParentColumn, Sql, render
from engine.sql.queries import SingleRow
from engine.sql.statements import PARENTS, for_each_parent, row_statement

__all__ = [
    "Groups",
    "ParentKeys",
    "fetch_records",
    "for_parents",
    "read",
    "read_batched",
    "read_row",
]

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


def for_parents(statement: Sql, parent_keys: ParentKeys | None) -> Sql:
    """Return the statement as it is run for these parents, or for none."""
    return for_each_parent(statement, parent_keys.names) if parent_keys else statement


async def fetch_records(statement: Sql) -> list[Any]:
    """Run a statement that has no parents and return its records."""
    return await fetch(*render(statement, outer=PARENTS))


async def read(text: str, values: Sequence[Any], parent_keys: ParentKeys | None) -> Groups:
    """Run the text of a statement and return its records by parent."""
    if parent_keys is None:
        return [cast("list[Record]", await fetch(text, values))]
    arrays = [list(column) for column in zip(*parent_keys.parents, strict=True)]
    bound = [value for value in values if not isinstance(value, ParentColumn)]
    groups: Groups = [[] for _ in parent_keys.parents]
    for record in await fetch(text, [*arrays, *bound]):
        groups[record[-1] - 1].append(record)
    return groups


async def read_batched(
    text: str, values: Sequence[Any], parent_keys: ParentKeys | None, *, max_rows: int
) -> Groups:
    """Read at most so many rows for each parent; those of a single one with others of their kind.

    What others bind a value to is not of their kind.
    """
    if (
        parent_keys is None
        or len(parent_keys.parents) > 1
        or any(not isinstance(value, ParentColumn) for value in values)
    ):
        return await read(text, values, parent_keys)

    def read_all(parents: _Parents) -> _Reading:
        return read(text, values, ParentKeys(parent_keys.names, parents))

    [parent] = parent_keys.parents
    return [await batched(text, parent, together=read_all, alone=read_all, max_rows=max_rows)]


async def read_row(compiled: CompiledSelection[ObjectProjection], query: SingleRow) -> list[Record]:
    """Read the row of a query that has no parents; of those who ask for theirs each is a parent."""
    key = (query.where.text, query.order)
    values = query.where.values
    text = compiled.text(key, lambda: row_statement(query, compiled.columns))
    # The columns of parents are of text.
    if not values or not _TEXTS.issuperset(map(type, values)):
        return (await read(text, values, None))[0]

    def together(parents: _Parents) -> _Reading:
        names = tuple([f"value_{number}" for number in range(len(values))])
        outer = replace(query, where=Sql(query.where.text, tuple(map(ParentColumn, names))))
        parent_keys = ParentKeys(names, parents)
        many = compiled.text(
            ("many", *key), lambda: for_parents(row_statement(outer, compiled.columns), parent_keys)
        )
        return read(many, outer.where.values, parent_keys)

    def alone(_: _Parents) -> _Reading:
        return read(text, values, None)

    return await batched(text, values, together=together, alone=alone, max_rows=1)
