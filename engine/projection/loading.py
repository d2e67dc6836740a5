"""Queries loaded: their records read, objects built of them, nested queries filled in."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from graphql import GraphQLObjectType, GraphQLOutputType, get_named_type
from graphql.execution.collect_fields import FieldDetailsList

from engine.projection.compiled import CompiledSelection, connection_selection, object_selection
from engine.projection.connection import ConnectionProjection, LoadedPage
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.projection import ObjectProjection, Record, Row, referenced_columns
from engine.projection.reading import (
    Groups,
    ParentKeys,
    fetch_records,
    for_parents,
    read,
    read_batched,
    read_row,
)
from engine.sql.expressions import Sql
from engine.sql.queries import Loaded, Nodes, Page, Query, SingleRow
from engine.sql.statements import (
    answers_statement,
    kinds_statement,
    opposite_page_expression,
    opposite_page_values,
    page_statement,
    page_values,
    row_statement,
    rows_statement,
    total_expression,
)
from engine.sql.tables import Table

__all__ = ["find_kinds", "load"]

# For each read: what graphql-core finds out layer by layer.
_object_type: Callable[[GraphQLOutputType], Any] = lru_cache(maxsize=1000)(get_named_type)


async def load(
    context: OperationContext,
    return_type: GraphQLOutputType,
    details: FieldDetailsList,
    query: Query,
) -> Any:
    """Return what is selected under a field of what its query stands for."""
    if isinstance(query, Nodes):
        return await _load_nodes(context, query, details)
    object_type: GraphQLObjectType = _object_type(return_type)
    if isinstance(query, Page):
        return (await _load_pages(context, query, object_type, details))[0]
    if object_type.name != query.table.type_name:
        raise NotProjectable
    if isinstance(query, Loaded):
        return await _load_loaded(context, query, object_type, details)
    return (await _load_rows(context, query, object_type, details))[0]


async def find_kinds(query: Nodes) -> dict[str, Table]:
    """Return the table of each key that is found; the first table wins."""
    kinds: dict[str, Table] = {}
    found = await fetch_records(kinds_statement(query.tables, query.keys))
    for key, number in sorted(found, key=lambda record: int(record[1]), reverse=True):
        kinds[key] = query.tables[number]
    return kinds


async def _load_nodes(context: OperationContext, query: Nodes, details: FieldDetailsList) -> Any:
    kinds = await find_kinds(query)
    rows: dict[str, Row] = {}
    for table in dict.fromkeys(kinds.values()):
        object_type = cast("GraphQLObjectType", context.document.schema.type_map[table.type_name])
        keys = [key for key, kind in kinds.items() if kind is table]
        compiled = object_selection(context, table, object_type, details)
        # Whatever is selected, the last column is the key.
        columns = f"{compiled.columns}, {table.columns[table.key].sql}"
        records = await fetch_records(rows_statement(table, keys, columns))
        objects = await _build(context, compiled.projection, records)
        rows |= {record[-1]: row for record, row in zip(records, objects, strict=True)}
    found = [rows.get(key) for key in query.keys]
    return found[0] if query.single else found


async def _load_loaded(
    context: OperationContext,
    query: Loaded[Any],
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> Row:
    compiled = object_selection(context, query.table, object_type, details, is_loaded=True)
    return (await _build(context, compiled.projection, [query.record]))[0]


async def _load_rows(
    context: OperationContext,
    query: SingleRow,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    parent_keys: ParentKeys | None = None,
) -> list[Row | None]:
    """Load what is selected of a single row: one for each parent, one where there is none."""
    compiled = object_selection(context, query.table, object_type, details)
    if parent_keys is None:
        groups = [await read_row(compiled, query)]
    else:
        key = (query.where.text, query.order, parent_keys.names)
        text = compiled.text(
            key, lambda: for_parents(row_statement(query, compiled.columns), parent_keys)
        )
        groups = await read_batched(text, query.where.values, parent_keys, max_rows=1)
    records = [group[0] for group in groups if group]
    rows = iter(await _build(context, compiled.projection, records))
    return [next(rows) if group else None for group in groups]


async def _load_pages(
    context: OperationContext,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
    parent_keys: ParentKeys | None = None,
) -> list[Row]:
    """Load what is selected of a connection: one for each parent, one where there is none."""
    compiled = connection_selection(context, page, connection_type, details)
    projection = compiled.projection
    window = page.window
    groups: Groups = [[] for _ in (parent_keys.parents if parent_keys else (None,))]
    key = (
        page.where.text,
        window.size,
        window.backward,
        window.after is None,
        window.before is None,
        parent_keys and parent_keys.names,
    )
    if projection.needs_rows:
        text = compiled.text(
            key, lambda: for_parents(page_statement(page, compiled.columns), parent_keys)
        )
        groups = await read_batched(text, page_values(page), parent_keys, max_rows=window.size + 1)
    opposite_pages, totals = await _load_answers(
        compiled, page, key, parent_keys, count=len(groups)
    )
    cuts = [_cut(group, page) for group in groups]
    records = cuts[0] if len(cuts) == 1 else [record for cut in cuts for record in cut]
    built = [await _build(context, node, records) for node in projection.nodes]
    connections = []
    start = 0
    for cut, group, has_opposite_page, total in zip(
        cuts, groups, opposite_pages, totals, strict=True
    ):
        end = start + len(cut)
        more = len(group) > len(cut)
        loaded = LoadedPage(
            records=cut,
            objects=[objects[start:end] for objects in built],
            has_next=has_opposite_page if window.backward else more,
            has_previous=more if window.backward else has_opposite_page,
            total=total,
        )
        connections.append(projection.assemble(loaded))
        start = end
    return connections


async def _load_answers(
    compiled: CompiledSelection[ConnectionProjection],
    page: Page,
    key: tuple[Any, ...],
    parent_keys: ParentKeys | None,
    *,
    count: int,
) -> tuple[Sequence[bool], Sequence[int | None]]:
    """Return what lies on the far sides of the pages, and their totals, where they are selected."""
    wants_total = compiled.projection.wants_total
    # Without a cursor the page begins at the end of the list.
    wants_opposite_page = page.window.start is not None and compiled.projection.wants_opposite_page(
        backward=page.window.backward
    )
    nothing = [False] * count, [None] * count
    if not wants_total and not wants_opposite_page:
        return nothing

    def make() -> Sql:
        expressions = [total_expression(page)] if wants_total else []
        if wants_opposite_page:
            expressions.append(opposite_page_expression(page))
        return for_parents(answers_statement(expressions), parent_keys)

    values = page.where.values if wants_total else ()
    if wants_opposite_page:
        values += opposite_page_values(page)
    groups = await read(compiled.text(("answers", *key), make), values, parent_keys)
    answers = [group[0] for group in groups]
    return (
        [bool(answer[wants_total]) for answer in answers] if wants_opposite_page else nothing[0],
        [answer[0] for answer in answers] if wants_total else nothing[1],
    )


def _cut(group: list[Record], page: Page) -> list[Record]:
    """Return the records of a page in the order of the list, without the one that tells of more."""
    records = group[: page.window.size]
    if page.window.backward:
        records.reverse()
    return records


async def _build(
    context: OperationContext, projection: ObjectProjection, records: Sequence[Record]
) -> list[Row]:
    """Build the objects and fill in their nested queries, each with one statement for all."""
    rows = projection.build(records)
    if not records:
        return rows
    for nested in projection.nested:
        # The arguments may have other values each time, so the query is made anew.
        query = context.resolve(nested.parent_type, nested.field_details, nested.placeholder)
        names = tuple([name for name, _ in nested.parent_columns])
        if referenced_columns(query) != names:
            raise NotProjectable
        parents = [tuple([record[at] for _, at in nested.parent_columns]) for record in records]
        distinct = list(dict.fromkeys(parents))
        load_each = _load_rows if isinstance(query, SingleRow) else _load_pages
        values: Sequence[Row | None] = await load_each(
            context, query, nested.object_type, nested.field_details, ParentKeys(names, distinct)
        )
        value_of = dict(zip(distinct, values, strict=True))
        for row, parent in zip(rows, parents, strict=True):
            row[nested.key] = value_of[parent]
    return rows
