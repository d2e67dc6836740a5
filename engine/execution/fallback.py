"""Queries answered over model instances: the plain way, for what cannot be projected."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from tortoise.models import Model

from engine.projection.loading import find_kinds
from engine.projection.reading import fetch_records
from engine.sql.cursors import encode_cursor
from engine.sql.expressions import Sql
from engine.sql.queries import Loaded, Nodes, Page, Query, SingleRow
from engine.sql.statements import (
    answers_statement,
    opposite_page_expression,
    page_statement,
    row_statement,
    rows_statement,
    total_expression,
)
from engine.sql.tables import Table, instance


@dataclass(frozen=True, slots=True)
class FallbackEdge:
    """An edge, as the resolvers of a GraphQL type read it."""

    cursor: str
    node: Model


@dataclass(frozen=True, slots=True)
class FallbackPageInfo:
    """What a page says of its neighbours."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class FallbackConnection:
    """A connection, as the resolvers of a GraphQL type read it."""

    page: Page
    edges: list[FallbackEdge]
    page_info: FallbackPageInfo

    @property
    def nodes(self) -> list[Model]:
        """The nodes of the edges."""
        return [edge.node for edge in self.edges]

    @property
    def total_count(self) -> Coroutine[Any, Any, int]:
        """The count, worked out only when it is read."""
        return count(self.page)


async def load(query: Query) -> Any:
    """Return the instance, the connection or the list of instances that a query stands for."""
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
    terms = ", ".join(
        f"{term.expression} AS order_{number}" for number, term in enumerate(page.order.terms)
    )
    records = await fetch_records(page_statement(page, f"{_all_columns(page.table)}, {terms}"))
    more = len(records) > page.window.size
    records = records[: page.window.size]
    if page.window.backward:
        records.reverse()
    has_opposite_page = await _value(opposite_page_expression(page))
    width = len(page.order.terms)
    edges = [
        FallbackEdge(encode_cursor(page.order, record[-width:]), instance(page.table.model, record))
        for record in records
    ]
    return FallbackConnection(
        page,
        edges,
        FallbackPageInfo(
            has_next_page=has_opposite_page if page.window.backward else more,
            has_previous_page=more if page.window.backward else has_opposite_page,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


async def count(page: Page) -> int:
    """Return the number of rows of the whole list."""
    total: int = await _value(total_expression(page))
    return total


async def _load_nodes(query: Nodes) -> Any:
    kinds = await find_kinds(query)
    instances: dict[str, Model] = {}
    for table in dict.fromkeys(kinds.values()):
        keys = [key for key, kind in kinds.items() if kind is table]
        for record in await fetch_records(rows_statement(table, keys, _all_columns(table))):
            instances[record[table.key]] = instance(table.model, record)
    found = [instances.get(key) for key in query.keys]
    return found[0] if query.single else found


async def _value(expression: Sql) -> Any:
    return (await fetch_records(answers_statement([expression])))[0][0]


def _all_columns(table: Table) -> str:
    return ", ".join(column.sql for column in table.columns.values())
