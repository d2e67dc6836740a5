"""Run statements and group their records by parent; coalesce small reads."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from engine.database.batching import read_in_batch
from engine.database.queries import fetch
from engine.projection.compiled import CompiledSelection
from engine.projection.projection import ObjectProjection, Record
from engine.sql.expressions import ParentColumn, Sql, render
from engine.sql.queries import Nodes, SingleRow
from engine.sql.statements import (
    PARENTS,
    key_tables_statement,
    per_parent_statement,
    row_statement,
)
from engine.sql.tables import Table

__all__ = [
    "Groups",
    "ParentKeys",
    "fetch_records",
    "find_tables",
    "for_parents",
    "read",
    "read_batched",
    "read_row",
]

_Keys: TypeAlias = Sequence[tuple[str | None, ...]]


class Groups(list[list[Record]]):
    """The records of each parent, in their order. A statement without parents has one group."""

    # Bytes that the statement received for all records; None if they were not counted.
    received_bytes: int | None = None


_Reading: TypeAlias = Coroutine[Any, Any, Groups]

_TEXT_TYPES = {str}


@dataclass(frozen=True, slots=True)
class ParentKeys:
    """Parents of a nested query: the columns that it refers to, and their values by parent."""

    columns: tuple[str, ...]
    keys: _Keys


def for_parents(statement: Sql, parent_keys: ParentKeys | None) -> Sql:
    """Return the statement that runs this one for each parent; unchanged without parents."""
    return per_parent_statement(statement, parent_keys.columns) if parent_keys else statement


async def fetch_records(statement: Sql) -> list[Any]:
    """Run a statement without parents and return its records."""
    return await fetch(*render(statement, outer=PARENTS), is_repeatable=True)


async def find_tables(query: Nodes) -> dict[str, Table]:
    """Return the table of each key that exists; the first table that has the key wins."""
    table_of_key: dict[str, Table] = {}
    found = await fetch_records(key_tables_statement(query.tables, query.keys))
    for key, number in sorted(found, key=lambda record: int(record[1]), reverse=True):
        table_of_key[key] = query.tables[number]
    return table_of_key


async def read(text: str, values: Sequence[Any], parent_keys: ParentKeys | None) -> Groups:
    """Run the text of a statement and return its records by parent.

    With parents, the last value of each record is the number of its parent, from 1.
    """
    groups = Groups()
    if parent_keys is None:
        records: list[Any] = await fetch(text, values, is_repeatable=True, measured=groups)
        groups.append(records)
        return groups
    key_arrays = [list(column) for column in zip(*parent_keys.keys, strict=True)]
    bound_values = [value for value in values if not isinstance(value, ParentColumn)]
    groups += [[] for _ in parent_keys.keys]
    for record in await fetch(
        text, [*key_arrays, *bound_values], is_repeatable=True, measured=groups
    ):
        groups[record[-1] - 1].append(record)
    return groups


async def read_batched(
    text: str,
    values: Sequence[Any],
    parent_keys: ParentKeys | None,
    *,
    max_rows: int,
    batches: bool,
) -> Groups:
    """Read at most ``max_rows`` rows for each parent; share the statement if there is one parent.

    Requests that run the same text for one parent each, in the same turn of the event loop, share
    one statement. A statement with bound values is not shared, because other requests may have
    other values.
    """
    if (
        parent_keys is None
        or not batches
        or len(parent_keys.keys) > 1
        or any(not isinstance(value, ParentColumn) for value in values)
    ):
        return await read(text, values, parent_keys)

    def read_all(keys: _Keys) -> _Reading:
        return read(text, values, ParentKeys(parent_keys.columns, keys))

    [key] = parent_keys.keys
    records = await read_in_batch(
        text, key, read_many=read_all, read_alone=read_all, max_rows=max_rows
    )
    return Groups([records])


async def read_row(
    compiled: CompiledSelection[ObjectProjection], query: SingleRow, *, batches: bool
) -> list[Record]:
    """Read the row of a query without parents: a list of one record, or empty.

    Requests that run the same query with other values in the same turn of the event loop share
    one statement, in which the values of each request are the columns of a parent.
    """
    key = (query.where.text, query.order)
    values = query.where.values
    text = compiled.text(key, lambda: row_statement(query, compiled.columns))
    # `per_parent_statement` passes parent columns as arrays of text.
    if not batches or not values or not _TEXT_TYPES.issuperset(map(type, values)):
        return (await read(text, values, None))[0]

    def together(keys: _Keys) -> _Reading:
        names = tuple([f"value_{number}" for number in range(len(values))])
        columns = tuple(map(ParentColumn, names))
        shared_query = replace(query, where=Sql(query.where.text, columns))
        parent_keys = ParentKeys(names, keys)
        shared_text = compiled.text(
            ("shared", *key),
            lambda: for_parents(row_statement(shared_query, compiled.columns), parent_keys),
        )
        return read(shared_text, columns, parent_keys)

    def alone(_: _Keys) -> _Reading:
        return read(text, values, None)

    return await read_in_batch(text, values, read_many=together, read_alone=alone, max_rows=1)
