"""Queries that resolvers return in place of rows.

A query says which rows to read. The selection set of the field says which columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from tortoise.models import Model

from engine.sql.expressions import TRUE, Sql
from engine.sql.ordering import RowOrder
from engine.sql.paging import Window
from engine.sql.tables import Table, instance
from engine.sql.timestamps import parse_timestamp

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class SingleRow:
    """The first row that satisfies a condition, or null."""

    table: Table
    where: Sql
    order: RowOrder | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the rows that satisfy a condition: a Relay connection."""

    table: Table
    order: RowOrder
    window: Window
    where: Sql = TRUE


@dataclass(frozen=True, slots=True)
class Nodes:
    """The rows with these primary keys, each from the first of the tables that has the key.

    The result is a list in the order of the keys, with null for a key that no table has; or only
    its first item, if ``single``.
    """

    tables: tuple[Table, ...]
    keys: tuple[str, ...]
    single: bool = False


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A row that has already been read: all columns of its table, in their selected form."""

    table: Table
    record: Sequence[Any]

    @property
    def instance(self) -> M:
        """The row as a model instance."""
        values = zip(self.table.columns.values(), self.record, strict=True)
        row = {
            column.name: parse_timestamp(value) if column.is_time and value is not None else value
            for column, value in values
        }
        return cast("M", instance(self.table.model, row))


Query: TypeAlias = SingleRow | Page | Nodes | Loaded[Any]
QUERIES = (SingleRow, Page, Nodes, Loaded)


def by_key(table: Table, key: str) -> SingleRow:
    """Return the query for the row with this primary key."""
    return SingleRow(table, Sql(f'"{table.key}" = $?', (key,)))
