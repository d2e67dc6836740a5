"""Reference implementation: operations executed by graphql-core over instances of the ORM.

It shares with the engine only the queries that resolvers return. It fetches a whole list and
takes the page from it in Python, step by step as the Relay specification describes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from tortoise.models import Model

from engine.database.queries import fetch
from engine.sql.cursors import encode_cursor
from engine.sql.expressions import Sql, render
from engine.sql.ordering import Keyset, RowOrder, TermKind
from engine.sql.queries import QUERIES, Loaded, Nodes, Page, Query, SingleRow
from engine.sql.tables import Table


@dataclass(frozen=True)
class ReferenceRow:
    """Row of a list, with the values that it is ordered by."""

    instance: Model
    keyset: tuple[Any, ...]


@dataclass(frozen=True)
class Edge:
    """An edge, with the attributes that the fields of an edge type read."""

    cursor: str
    node: Model


@dataclass(frozen=True)
class PageInfo:
    """Whether there are more pages, and the cursors of this one."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class Connection:
    """A connection, with the attributes that the fields of a connection type read."""

    edges: Sequence[Edge]
    page_info: PageInfo
    total_count: int
    # No test of the reference has as many rows as that.
    total_count_is_estimate: bool = False

    @property
    def nodes(self) -> list[Model]:
        """The nodes of the edges."""
        return [edge.node for edge in self.edges]


class ReferenceExecutor(Executor[Any]):
    """graphql-core's executor, which replaces a query by model instances before it completes it."""

    def __init__(self, *args: Any, rows: "Rows", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows = rows

    def complete_value(  # noqa: PLR0917  # as in the base class
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value; a query is replaced by its instances."""
        complete = super().complete_value

        async def complete_query() -> Any:
            instances = await self._rows.load(result)
            completed = complete(
                return_type, field_details_list, info, path, instances, position_context
            )
            return await completed if self.is_awaitable(completed) else completed

        if isinstance(result, QUERIES):
            return complete_query()
        return complete(return_type, field_details_list, info, path, result, position_context)


class Rows:
    """Rows of a database that does not change, so that each list is fetched once."""

    def __init__(self) -> None:
        self._lists: dict[Hashable, list[ReferenceRow]] = {}

    async def load(self, query: Query) -> Any:
        """Return the instance, the connection or the instances of a query."""
        if isinstance(query, Loaded):
            return query.instance
        if isinstance(query, Nodes):
            found = [await self._find(query.tables, key) for key in query.keys]
            return found[0] if query.single else found
        rows = await self._list(query.table, query.where, query.order)
        if isinstance(query, SingleRow):
            return rows[0].instance if rows else None
        return _connection(query, rows)

    async def _find(self, tables: Sequence[Table], key: str) -> Model | None:
        for table in tables:
            instance = await table.model.get_or_none(pk=key)
            if instance is not None:
                return instance
        return None

    async def _list(self, table: Table, where: Sql, order: RowOrder | None) -> list[ReferenceRow]:
        key = (table.name, where.text, repr(where.values), order)
        if key not in self._lists:
            self._lists[key] = await _fetch(table, where, order)
        return self._lists[key]


async def _fetch(table: Table, where: Sql, order: RowOrder | None) -> list[ReferenceRow]:
    """Read the keys of the matching rows from the database, and the instances with the ORM."""
    terms = [term.expression for term in order.terms] if order else []
    condition, values = render(where)
    columns = ", ".join([table.key, *terms])
    found = await fetch(f"SELECT {columns} FROM {table.name} WHERE {condition}", values)
    instances = await table.model.filter(pk__in=[row[0] for row in found])
    instance_of = {instance.pk: instance for instance in instances}
    rows = [ReferenceRow(instance_of[row[0]], tuple(row)[1:]) for row in found]
    return sorted(rows, key=lambda row: row.keyset, reverse=bool(order and order.descending))


def _connection(page: Page, all_rows: list[ReferenceRow]) -> Connection:
    """Return a page of a list (Relay Cursor Connections, section 4.4)."""
    window = page.window
    after, before = _keyset(page.order, window.after), _keyset(page.order, window.before)
    if page.order.descending:
        rows = [
            row
            for row in all_rows
            if (after is None or row.keyset < after) and (before is None or row.keyset > before)
        ]
    else:
        rows = [
            row
            for row in all_rows
            if (after is None or row.keyset > after) and (before is None or row.keyset < before)
        ]
    more = len(rows) > window.size
    if window.backward:
        rows = rows[-window.size :]
        is_beyond = before is not None and _has_rows_beyond(
            page.order, all_rows, before, after=True
        )
        has_next, has_previous = is_beyond, more
    else:
        rows = rows[: window.size]
        is_beyond = after is not None and _has_rows_beyond(page.order, all_rows, after, after=False)
        has_next, has_previous = more, is_beyond
    edges = [Edge(encode_cursor(page.order, row.keyset), row.instance) for row in rows]
    page_info = PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges, page_info, len(all_rows))


def _keyset(order: RowOrder, values: Keyset | None) -> tuple[Any, ...] | None:
    """Return the values of a cursor with the types of a row: timestamps as datetimes."""
    if values is None:
        return None
    return tuple(
        datetime.fromisoformat(value) if term.kind is TermKind.TIME else value
        for term, value in zip(order.terms, values, strict=True)
    )


def _has_rows_beyond(
    order: RowOrder, all_rows: list[ReferenceRow], keyset: tuple[Any, ...], *, after: bool
) -> bool:
    """Return whether the list has rows at a cursor, or on its side that the page leaves out."""
    if after != order.descending:
        return any(row.keyset >= keyset for row in all_rows)
    return any(row.keyset <= keyset for row in all_rows)
