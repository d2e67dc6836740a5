"""What a resolver returns in place of rows: which they are, not what is read of them."""

from dataclasses import dataclass
from typing import TypeAlias

from engine.paging import Order, Window
from engine.sql import TRUE, Sql
from engine.tables import Table


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


Query: TypeAlias = One | Page | Nodes


def by_key(table: Table, key: str) -> One:
    """Return the row with this primary key."""
    return One(table, Sql(f'"{table.key}" = $?', (key,)))
