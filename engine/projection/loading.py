"""Load queries: read records, build objects, and fill in nested queries level by level."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_interface_type,
)
from graphql.execution.collect_fields import FieldDetailsList

from engine.arguments.fast_resolvers import row_model_of
from engine.database.memory_grants import ReadTooLarge
from engine.long_work import must_pause, next_turn
from engine.projection.aggregates import read_aggregates
from engine.projection.compiled import connection_selection, object_selection
from engine.projection.connection import LoadedPage, distribute_objects
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.fallbacks import FallbackReason, middleware_reason
from engine.projection.projection import (
    NestedQuery,
    ObjectProjection,
    Record,
    ResponseObject,
    referenced_columns,
    response_key,
)
from engine.projection.reading import (
    Groups,
    ParentKeys,
    fetch_records,
    find_tables,
    for_parents,
    read_batched,
    read_row,
)
from engine.projection.response_size import Path, repeats_of_keys
from engine.sql.index_ranges import access_path
from engine.sql.queries import Loaded, Nodes, Page, Query, SingleRow
from engine.sql.statements import (
    page_statement,
    page_values,
    row_statement,
    rows_statement,
)

__all__ = ["load"]

# Objects of so many records are built in less than 0.5 ms.
FEW_RECORDS = 64

# `get_named_type` unwraps a type layer by layer; this runs once for each type.
_object_type: Callable[[GraphQLOutputType], Any] = lru_cache(maxsize=1000)(get_named_type)


async def load(
    context: OperationContext,
    return_type: GraphQLOutputType,
    details: FieldDetailsList,
    query: Query,
) -> Any:
    """Run a query that a resolver returned, and return the value of its field.

    The value contains the fields that are selected under the field. Raises NotProjectable.
    """
    if context.document.middleware is not None:
        # A projection would not call the resolvers that the middleware wraps.
        raise NotProjectable(middleware_reason(context.document.middleware))
    if isinstance(query, Nodes):
        return await _load_nodes(context, query, _object_type(return_type), details)
    path = (response_key(details),)
    object_type: GraphQLObjectType = _object_type(return_type)
    if isinstance(query, Page):
        return (await _load_pages(context, query, object_type, details, path))[0]
    if object_type.name != query.table.type_name:
        raise NotProjectable(FallbackReason.TYPE, object_type.name)
    if isinstance(query, Loaded):
        return await _build_loaded(context, query, object_type, details, path)
    return (await _load_rows(context, query, object_type, details, path))[0]


async def _load_nodes(
    context: OperationContext,
    query: Nodes,
    named_type: GraphQLNamedType,
    details: FieldDetailsList,
) -> Any:
    """Load rows by their keys, with one statement for each table that has some of them."""
    table_of_key = await find_tables(query)
    object_of_key: dict[str, ResponseObject] = {}
    for table in dict.fromkeys(table_of_key.values()):
        object_type = cast("GraphQLObjectType", context.document.schema.type_map[table.type_name])
        is_named = object_type is named_type
        if not is_named and not _is_row_interface(context, named_type, object_type):
            raise NotProjectable(FallbackReason.TYPE, named_type.name)
        keys = [key for key, key_table in table_of_key.items() if key_table is table]
        compiled = object_selection(context, table, object_type, details)
        # The last column is the key, whether or not it is selected.
        columns = f"{compiled.columns}, {table.columns[table.key].sql}"
        path = (response_key(details),)
        try:
            records = await fetch_records(rows_statement(table, keys, columns))
        except ReadTooLarge:
            context.response_size.refuse([(path, compiled.projection.weights)], path)
        # A key that is given several times has the same object in several places.
        times = Counter(query.keys)
        repeats = None if len(times) == len(query.keys) else [times[one[-1]] for one in records]
        objects = await _build(context, compiled.projection, records, path, repeats)
        object_of_key |= {record[-1]: found for record, found in zip(records, objects, strict=True)}
    nodes = [object_of_key.get(key) for key in query.keys]
    return nodes[0] if query.single else nodes


def _is_row_interface(
    context: OperationContext, named_type: GraphQLNamedType, object_type: GraphQLObjectType
) -> bool:
    """Return whether rows of a type may be returned for an interface."""
    return (
        is_interface_type(named_type)
        and row_model_of(named_type) is object
        and context.document.schema.is_sub_type(named_type, object_type)
    )


async def _build_loaded(
    context: OperationContext,
    query: Loaded[Any],
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    path: Path,
) -> ResponseObject:
    """Build the object of a row that is already read; only nested queries run statements."""
    compiled = object_selection(context, query.table, object_type, details, is_loaded=True)
    return (await _build(context, compiled.projection, [query.record], path))[0]


async def _load_rows(  # noqa: PLR0917  # as `_load_pages`
    context: OperationContext,
    query: SingleRow,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    path: Path,
    parent_keys: ParentKeys | None = None,
    repeats: Sequence[int] | None = None,
) -> list[ResponseObject | None]:
    """Return an object or None for each parent; a list of one without parents."""
    compiled = object_selection(context, query.table, object_type, details)
    try:
        if parent_keys is None:
            records = await read_row(compiled, query, batches=context.document.shortcuts)
            groups = Groups([records])
        else:
            key = (query.where.text, query.order, parent_keys.columns)
            text = compiled.text(
                key, lambda: for_parents(row_statement(query, compiled.columns), parent_keys)
            )
            groups = await read_batched(
                text,
                query.where.values,
                parent_keys,
                max_rows=1,
                batches=context.document.shortcuts,
            )
    except ReadTooLarge:
        context.response_size.refuse([(path, compiled.projection.weights)], path)
    records = [group[0] for group in groups if group]
    if repeats is not None:
        repeats = [times for times, group in zip(repeats, groups, strict=True) if group]
    objects = iter(
        await _build(context, compiled.projection, records, path, repeats, groups.received_bytes)
    )
    return [next(objects) if group else None for group in groups]


async def _load_pages(  # noqa: PLR0917  # as `_load_rows`
    context: OperationContext,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
    path: Path,
    parent_keys: ParentKeys | None = None,
    repeats: Sequence[int] | None = None,
) -> list[ResponseObject]:
    """Return a connection for each parent; a list of one without parents.

    One statement reads the rows of all pages. One more reads the totals and whether there are rows
    on the opposite side, if those are selected. Nested queries run once for the rows of all pages,
    so the number of statements does not depend on the number of parents.
    """
    compiled = connection_selection(context, page, connection_type, details)
    projection = compiled.projection
    window = page.window
    key = (
        page.where.text,
        access_path(page),
        window.size,
        window.backward,
        window.after is None,
        window.before is None,
        parent_keys and parent_keys.columns,
    )
    if projection.needs_rows:
        text = compiled.text(
            key, lambda: for_parents(page_statement(page, compiled.columns), parent_keys)
        )
        try:
            groups = await read_batched(
                text,
                page_values(page),
                parent_keys,
                max_rows=window.size + 1,
                batches=context.document.shortcuts,
            )
        except ReadTooLarge:
            places = [(path + node.path, node.weights) for node in projection.nodes]
            context.response_size.refuse(places, path)
    else:
        groups = Groups([[] for _ in parent_keys.keys] if parent_keys else [[]])
    opposite_pages, totals = await read_aggregates(
        compiled, page, key, parent_keys, count=len(groups)
    )
    pages = [
        LoadedPage.of_records(group, window, has_opposite_page=has_opposite_page, total=total)
        for group, has_opposite_page, total in zip(groups, opposite_pages, totals, strict=True)
    ]
    if len(pages) == 1:
        records = pages[0].records
    else:
        records = [record for loaded in pages for record in loaded.records]
    page_count, row_repeats = len(pages), None
    if repeats is not None:
        page_count = sum(repeats)
        row_repeats = [
            times for times, one in zip(repeats, pages, strict=True) for _ in one.records
        ]
    row_count = len(records) if row_repeats is None else sum(row_repeats)
    context.response_size.add_fixed(
        page_count * projection.page_bytes + row_count * projection.edge_bytes, path
    )
    for node in projection.nodes:
        objects = await _build(
            context, node, records, path + node.path, row_repeats, groups.received_bytes
        )
        distribute_objects(objects, pages)
    return [projection.assemble(loaded) for loaded in pages]


async def _build(  # noqa: PLR0917  # as `_load_rows`
    context: OperationContext,
    projection: ObjectProjection,
    records: Sequence[Record],
    path: Path,
    repeats: Sequence[int] | None = None,
    received_bytes: int | None = None,
) -> list[ResponseObject]:
    """Return an object for each record, with its nested queries filled in.

    Each nested query runs once for the distinct keys of all records. Records with equal keys share
    one value. The same dict can occur in several places of the response, so never change it later.
    """
    if not records:
        return []
    if len(records) > FEW_RECORDS and must_pause(context.started_s):
        # Many statements can end in the same turn.
        await next_turn()
    context.response_size.add_rows(records, projection.weights, repeats, path, received_bytes)
    objects = projection.build(records)
    for nested in projection.nested:
        query = _resolve_nested(context, nested)
        positions = nested.key_positions
        keys = [tuple([record[position] for position in positions]) for record in records]
        distinct_keys = list(dict.fromkeys(keys))
        load_each = _load_rows if isinstance(query, SingleRow) else _load_pages
        values: Sequence[ResponseObject | None] = await load_each(
            context,
            query,
            nested.object_type,
            nested.field_details,
            (*path, nested.key),
            ParentKeys(nested.key_columns, distinct_keys),
            repeats_of_keys(keys, distinct_keys, repeats),
        )
        value_of_key = dict(zip(distinct_keys, values, strict=True))
        for response_object, key in zip(objects, keys, strict=True):
            response_object[nested.key] = value_of_key[key]
    return objects


def _resolve_nested(context: OperationContext, nested: NestedQuery) -> Any:
    """Return the query of a nested field with the arguments of this execution.

    The compiled selection has the columns that the query referred to when it was compiled. A
    query that refers to others now, because the resolver depends on its arguments, raises
    NotProjectable.
    """
    query = context.resolve(nested.parent_type, nested.field_details, nested.placeholder)
    if referenced_columns(query) != nested.key_columns:
        coordinate = f"{nested.parent_type.name}.{nested.field_details[0].node.name.value}"
        raise NotProjectable(FallbackReason.RESOLVER, coordinate)
    return query
