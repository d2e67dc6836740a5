"""What a resolver returns in place of rows: which they are, not what is read of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from tortoise.models import Model

from engine.moments import moment_of
from engine.paging import Order, Window
from engine.sql import TRUE, Sql
from engine.tables import Table, instance

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class One:
    """The first row that fits, or null where there is none."""

    table: Table
    where: Sql
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the rows that fit: a Relay connection."""

    table: Table
    order: Order
    window: Window
    where: Sql = TRUE


@dataclass(frozen=True, slots=True)
class Nodes:
    """The rows with these primary keys, looked for in the tables in their order.

    A list in the order of the keys with null where there is none, or, if ``single``,
    just the first of it.
    """

    tables: tuple[Table, ...]
    keys: tuple[str, ...]
    single: bool = False


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A row that was read already: all columns of its table, as they are selected for answers."""

    table: Table
    record: Sequence[Any]

    @property
    def instance(self) -> M:
        """The row as the ORM would have fetched it."""
        values = zip(self.table.columns.values(), self.record, strict=True)
        row = {
            column.name: moment_of(value) if column.is_time and value is not None else value
            for column, value in values
        }
        return cast("M", instance(self.table.model, row))


Query: TypeAlias = One | Page | Nodes | Loaded[Any]
QUERIES = (One, Page, Nodes, Loaded)


def by_key(table: Table, key: str) -> One:
    """Return the row with this primary key."""
    return One(table, Sql(f'"{table.key}" = $?', (key,)))
