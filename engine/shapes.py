"""Selections compiled once for their document, with the texts of their statements."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetailsList

from engine.caches import SELECTIONS, STATEMENTS
from engine.connection import ConnectionCompiler, ConnectionProjection
from engine.projection import ObjectProjection, SelectList, compile_object
from engine.queries import Page
from engine.selection import Selection
from engine.sql import Sql, render
from engine.statements import PARENTS
from engine.tables import Table

__all__ = ["Shape", "connection_shape", "object_shape"]

P = TypeVar("P")

# Of one selection. There are as many as there are shapes of its arguments.
MAX_TEXTS = 64


@dataclass(slots=True)
class Shape(Generic[P]):
    """A selection compiled: the columns to select, what becomes of them, and whole statements."""

    columns: str
    projection: P
    texts: dict[Hashable, str] = field(default_factory=dict)

    def text(self, key: Hashable, make: Callable[[], Sql]) -> str:
        """Return the text of a statement, made once for what the key says of it."""
        text = self.texts.get(key)
        if text is not None:
            STATEMENTS.hits += 1
        else:
            STATEMENTS.misses += 1
            if len(self.texts) >= MAX_TEXTS:
                self.texts.clear()
            text, _ = render(make(), outer=PARENTS)
            self.texts[key] = text
        return text


def object_shape(
    selection: Selection,
    table: Table,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    *,
    is_loaded: bool = False,
) -> Shape[ObjectProjection]:
    """Return a selection compiled, once for a document."""
    key = ("rows", is_loaded, object_type.name, *[id(detail.node) for detail in details])
    shape: Shape[ObjectProjection] | None = selection.shapes.get(key)
    if shape is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        columns = [column.selected for column in table.columns.values()] if is_loaded else []
        select = SelectList({column: position for position, column in enumerate(columns)})
        projection = compile_object(selection, table, object_type, details, select)
        shape = selection.shapes[key] = Shape(select.clause, projection)
    return shape


def connection_shape(
    selection: Selection,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> Shape[ConnectionProjection]:
    """Return a selection compiled, once for a document."""
    order = page.order
    # A list and its reverse have one name.
    key = ("page", order.name, order.descending, *[id(detail.node) for detail in details])
    shape: Shape[ConnectionProjection] | None = selection.shapes.get(key)
    if shape is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        compiler = ConnectionCompiler(selection, page.table, order)
        compiler.compile(connection_type, details)
        shape = selection.shapes[key] = Shape(compiler.select.clause, compiler.projection)
    return shape
