"""The reference: operations executed plainly, over instances that the ORM fetched.

It shares with the engine what a resolver returns (which rows, in which order,
which page) and nothing of how that is answered. A list is fetched whole, and cut
to its page here, step by step as the Relay specification does it.
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
class Found:
    """A row of a list, with the values that it is ordered by."""

    instance: Model
    keyset: tuple[Any, ...]


@dataclass(frozen=True)
class Edge:
    """An edge, as the fields of a GraphQL type read it."""

    cursor: str
    node: Model


@dataclass(frozen=True)
class PageInfo:
    """What a page says of its neighbours."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class Connection:
    """A connection, as the fields of a GraphQL type read it."""

    edges: Sequence[Edge]
    page_info: PageInfo
    total_count: int

    @property
    def nodes(self) -> list[Model]:
        """The nodes of the edges."""
        return [edge.node for edge in self.edges]


class ReferenceExecutor(Executor[Any]):
    """graphql-core's own executor, for which a query is looked up before it is completed."""

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
        """Complete a value; a query is replaced by what it stands for."""
        complete = super().complete_value

        async def complete_answer() -> Any:
            answer = await self._rows.answer(result)
            completed = complete(
                return_type, field_details_list, info, path, answer, position_context
            )
            return await completed if self.is_awaitable(completed) else completed

        if isinstance(result, QUERIES):
            return complete_answer()
        return complete(return_type, field_details_list, info, path, result, position_context)


class Rows:
    """The rows of a database that nobody changes: what was fetched once is kept."""

    def __init__(self) -> None:
        self._lists: dict[Hashable, list[Found]] = {}

    async def answer(self, query: Query) -> Any:
        """Return the instance, the connection or the instances that a query stands for."""
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

    async def _list(self, table: Table, where: Sql, order: RowOrder | None) -> list[Found]:
        key = (table.name, where.text, repr(where.values), order)
        if key not in self._lists:
            self._lists[key] = await _fetch(table, where, order)
        return self._lists[key]


async def _fetch(table: Table, where: Sql, order: RowOrder | None) -> list[Found]:
    """Ask the database which rows fit, and the ORM for their instances."""
    terms = [term.expression for term in order.terms] if order else []
    condition, values = render(where)
    columns = ", ".join([table.key, *terms])
    found = await fetch(f"SELECT {columns} FROM {table.name} WHERE {condition}", values)
    instances = await table.model.filter(pk__in=[row[0] for row in found])
    instance_of = {instance.pk: instance for instance in instances}
    rows = [Found(instance_of[row[0]], tuple(row)[1:]) for row in found]
    return sorted(rows, key=lambda row: row.keyset, reverse=bool(order and order.descending))


def _connection(page: Page, everything: list[Found]) -> Connection:
    """Cut a list to a page (Relay Cursor Connections, section 4.4)."""
    window = page.window
    after, before = _keyset(page.order, window.after), _keyset(page.order, window.before)
    if page.order.descending:
        rows = [
            row
            for row in everything
            if (after is None or row.keyset < after) and (before is None or row.keyset > before)
        ]
    else:
        rows = [
            row
            for row in everything
            if (after is None or row.keyset > after) and (before is None or row.keyset < before)
        ]
    more = len(rows) > window.size
    if window.backward:
        rows = rows[-window.size :]
        is_beyond = before is not None and _is_outside(page.order, everything, before, after=True)
        has_next, has_previous = is_beyond, more
    else:
        rows = rows[: window.size]
        is_beyond = after is not None and _is_outside(page.order, everything, after, after=False)
        has_next, has_previous = more, is_beyond
    edges = [Edge(encode_cursor(page.order, row.keyset), row.instance) for row in rows]
    page_info = PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges, page_info, len(everything))


def _keyset(order: RowOrder, values: Keyset | None) -> tuple[Any, ...] | None:
    """Return the values of a cursor as those of a row are: moments as datetimes."""
    if values is None:
        return None
    return tuple(
        datetime.fromisoformat(value) if term.kind is TermKind.TIME else value
        for term, value in zip(order.terms, values, strict=True)
    )


def _is_outside(
    order: RowOrder, everything: list[Found], keyset: tuple[Any, ...], *, after: bool
) -> bool:
    """Tell whether the list has rows at a cursor or on the side of it that a page leaves out."""
    if after != order.descending:
        return any(row.keyset >= keyset for row in everything)
    return any(row.keyset <= keyset for row in everything)
