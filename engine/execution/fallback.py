"""Fallback: load queries as model instances if a selection cannot be compiled to SQL.

graphql-core then resolves each selected field on the instances as it would without the engine.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from tortoise.models import Model

from engine.projection.reading import fetch_records, find_tables
from engine.projection.totals import checked_total
from engine.sql.cursors import encode_cursor
from engine.sql.expressions import Sql
from engine.sql.queries import Loaded, Nodes, Page, Query, SingleRow
from engine.sql.statements import (
    expressions_statement,
    is_estimate,
    opposite_page_expression,
    page_statement,
    row_statement,
    rows_statement,
    total_expression,
)
from engine.sql.tables import Table, instance


@dataclass(frozen=True, slots=True)
class FallbackEdge:
    """An edge, with the attributes that the resolvers of an edge type read."""

    cursor: str
    node: Model


@dataclass(frozen=True, slots=True)
class FallbackPageInfo:
    """Page information, with the attributes that the resolvers of `PageInfo` read."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class FallbackConnection:
    """A connection, with the attributes that the resolvers of a connection type read."""

    page: Page
    edges: list[FallbackEdge]
    page_info: FallbackPageInfo

    @property
    def nodes(self) -> list[Model]:
        """The nodes of the edges."""
        return [edge.node for edge in self.edges]

    @property
    def total_count(self) -> Coroutine[Any, Any, int]:
        """The number of rows of the whole list, counted only if it is read."""
        return count(self.page)

    @property
    def total_count_is_estimate(self) -> Coroutine[Any, Any, bool]:
        """Whether the number of rows is an estimate; they are counted only if it is read."""
        return _is_estimated(self.page)


async def load(query: Query) -> Any:
    """Run a query and return a model instance, a list of instances or a connection of them."""
    if isinstance(query, SingleRow):
        records = await fetch_records(row_statement(query, _all_columns(query.table)))
        return instance(query.table.model, records[0]) if records else None
    if isinstance(query, Page):
        return await load_connection(query)
    if isinstance(query, Loaded):
        return query.instance
    return await _load_nodes(query)


async def load_connection(page: Page) -> FallbackConnection:
    """Return a connection with all columns of its nodes."""
    order_columns = ", ".join(
        f"{term.expression} AS order_{number}" for number, term in enumerate(page.order.terms)
    )
    columns = f"{_all_columns(page.table)}, {order_columns}"
    found = await fetch_records(page_statement(page, columns))
    # The statement reads one row more than the page has, to see whether more follow.
    has_more = len(found) > page.window.size
    records = found[: page.window.size]
    if page.window.backward:
        records.reverse()
    has_opposite_page = await _fetch_value(opposite_page_expression(page))
    term_count = len(page.order.terms)
    edges = [
        FallbackEdge(
            cursor=encode_cursor(page.order, record[-term_count:]),
            node=instance(page.table.model, record),
        )
        for record in records
    ]
    page_info = FallbackPageInfo(
        has_next_page=has_opposite_page if page.window.backward else has_more,
        has_previous_page=has_more if page.window.backward else has_opposite_page,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return FallbackConnection(page, edges, page_info)


async def count(page: Page) -> int:
    """Return the number of rows of the whole list, or an estimate of it."""
    return await checked_total(page, await _fetch_value(total_expression(page)))


async def _is_estimated(page: Page) -> bool:
    return is_estimate(await _fetch_value(total_expression(page)))


async def _load_nodes(query: Nodes) -> Any:
    table_of_key = await find_tables(query)
    instance_of_key: dict[str, Model] = {}
    for table in dict.fromkeys(table_of_key.values()):
        keys = [key for key, key_table in table_of_key.items() if key_table is table]
        for record in await fetch_records(rows_statement(table, keys, _all_columns(table))):
            instance_of_key[record[table.key]] = instance(table.model, record)
    nodes = [instance_of_key.get(key) for key in query.keys]
    return nodes[0] if query.single else nodes


async def _fetch_value(expression: Sql) -> Any:
    return (await fetch_records(expressions_statement([expression])))[0][0]


def _all_columns(table: Table) -> str:
    return ", ".join(column.sql for column in table.columns.values())
