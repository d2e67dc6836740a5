"""Compiled selections loaded: statements run, objects built, nested queries filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetailsList

from engine.connection import ConnectionCompiler, ConnectionProjection, LoadedPage
from engine.database import fetch
from engine.projection import (
    NotProjectable,
    ObjectProjection,
    Record,
    Row,
    SelectList,
    Selector,
    compile_object,
    outer_columns,
)
from engine.queries import One, Page
from engine.sql import Sql, render
from engine.statements import (
    PARENTS,
    Parents,
    answers_statement,
    far_side_expression,
    for_each_parent,
    page_statement,
    row_statement,
    rows_statement,
    total_expression,
)
from engine.tables import Table


@dataclass(frozen=True, slots=True)
class Under:
    """The parents of a nested query: the values of the columns that it refers to."""

    names: tuple[str, ...]
    parents: Parents


async def run(statement: Sql) -> list[Any]:
    """Run a statement and return its records."""
    return await fetch(*render(statement, outer=PARENTS))


async def load_rows(
    selector: Selector,
    query: One,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    under: Under | None = None,
) -> list[Row | None]:
    """Load what is selected of a single row: one for each parent, one where there is none."""
    columns, projection = _object_shape(selector, query.table, object_type, details)
    groups = await _run_grouped(row_statement(query, columns), under)
    records = [group[0] for group in groups if group]
    rows = iter(await _build(selector, projection, records))
    return [next(rows) if group else None for group in groups]


async def load_by_keys(
    selector: Selector,
    table: Table,
    keys: Sequence[str],
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> dict[str, Row]:
    """Load what is selected of the rows with these primary keys."""
    columns, projection = _object_shape(selector, table, object_type, details)
    # Whatever is selected, the last column is the key.
    columns = f"{columns}, {table.columns[table.key].sql}"
    records = await run(rows_statement(table, keys, columns))
    rows = await _build(selector, projection, records)
    return {record[-1]: row for record, row in zip(records, rows, strict=True)}


async def load_pages(
    selector: Selector,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
    under: Under | None = None,
) -> list[Row]:
    """Load what is selected of a connection: one for each parent, one where there is none."""
    columns, projection = _connection_shape(selector, page, connection_type, details)
    count = len(under.parents) if under else 1
    groups: list[list[Record]] = [[] for _ in range(count)]
    if projection.needs_rows:
        groups = await _run_grouped(page_statement(page, columns), under)
    backward = page.window.backward
    wants_far_side = projection.wants_far_side(backward=backward)
    expressions = []
    if projection.wants_total:
        expressions.append(total_expression(page))
    if wants_far_side:
        expressions.append(far_side_expression(page))
    answers: list[Sequence[Any]] = [()] * count
    if expressions:
        answers = [group[0] for group in await _run_grouped(answers_statement(expressions), under)]

    cuts = [_cut(group, page) for group in groups]
    records = [record for cut in cuts for record in cut]
    built = [await _build(selector, node, records) for node in projection.nodes]
    connections = []
    start = 0
    for cut, group, answer in zip(cuts, groups, answers, strict=True):
        end = start + len(cut)
        more = len(group) > len(cut)
        far_side = bool(answer[-1]) if wants_far_side else False
        loaded = LoadedPage(
            projection,
            records=cut,
            objects=[objects[start:end] for objects in built],
            has_next=far_side if backward else more,
            has_previous=more if backward else far_side,
            total=answer[0] if projection.wants_total else None,
        )
        connections.append(projection.assemble(loaded))
        start = end
    return connections


def _cut(group: list[Record], page: Page) -> list[Record]:
    """Return the records of a page in the order of the list, without the one that tells of more."""
    records = group[: page.window.size]
    if page.window.backward:
        records.reverse()
    return records


def _object_shape(
    selector: Selector, table: Table, object_type: GraphQLObjectType, details: FieldDetailsList
) -> tuple[str, ObjectProjection]:
    """Return the columns to select and what becomes of them; compiled once for a document."""
    key = (object_type.name, *[id(detail.node) for detail in details])
    shape: tuple[str, ObjectProjection] | None = selector.shapes.get(key)
    if shape is None:
        select = SelectList()
        projection = compile_object(selector, table, object_type, details, select)
        shape = selector.shapes[key] = (select.clause, projection)
    return shape


def _connection_shape(
    selector: Selector, page: Page, connection_type: GraphQLObjectType, details: FieldDetailsList
) -> tuple[str, ConnectionProjection]:
    """Return the columns to select and what becomes of them; compiled once for a document."""
    key = (page.order.name, *[id(detail.node) for detail in details])
    shape: tuple[str, ConnectionProjection] | None = selector.shapes.get(key)
    if shape is None:
        compiler = ConnectionCompiler(selector, page.table, page.order)
        compiler.compile(connection_type, details)
        shape = selector.shapes[key] = (compiler.select.clause, compiler.projection)
    return shape


async def _build(
    selector: Selector, projection: ObjectProjection, records: Sequence[Record]
) -> list[Row]:
    """Build the objects and fill in their nested queries, each with one statement for all."""
    rows = projection.build(records)
    if not records:
        return rows
    for nested in projection.nested:
        # The arguments may have other values each time, so the query is made anew.
        query = selector.resolve(nested.parent_type, nested.field_details, nested.parents)
        names = tuple(name for name, _ in nested.outer)
        if outer_columns(query) != names:
            raise NotProjectable
        parents = [tuple([record[at] for _, at in nested.outer]) for record in records]
        distinct = list(dict.fromkeys(parents))
        load = load_rows if isinstance(query, One) else load_pages
        values: Sequence[Row | None] = await load(
            selector, query, nested.object_type, nested.field_details, Under(names, distinct)
        )
        value_of = dict(zip(distinct, values, strict=True))
        for row, parent in zip(rows, parents, strict=True):
            row[nested.key] = value_of[parent]
    return rows


async def _run_grouped(statement: Sql, under: Under | None) -> list[list[Record]]:
    """Run a statement and return its records by parent."""
    if under is None:
        return [await run(statement)]
    groups: list[list[Record]] = [[] for _ in under.parents]
    for record in await run(for_each_parent(statement, under.names, under.parents)):
        groups[record[0] - 1].append(record[1:])
    return groups
