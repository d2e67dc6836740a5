"""Selections compiled once for their document, with the texts of their statements."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetailsList

from engine.documents.caches import SELECTIONS, STATEMENTS
from engine.projection.connection import ConnectionCompiler, ConnectionProjection
from engine.projection.context import OperationContext
from engine.projection.projection import ObjectProjection, SelectList, compile_object
from engine.sql.expressions import Sql, render
from engine.sql.queries import Page
from engine.sql.statements import PARENTS
from engine.sql.tables import Table

__all__ = ["CompiledSelection", "connection_shape", "object_shape"]

P = TypeVar("P")

# Of one selection. There are as many as there are shapes of its arguments.
MAX_TEXTS = 64


@dataclass(slots=True)
class CompiledSelection(Generic[P]):
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
    selection: OperationContext,
    table: Table,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    *,
    is_loaded: bool = False,
) -> CompiledSelection[ObjectProjection]:
    """Return a selection compiled, once for a document."""
    key = ("rows", is_loaded, object_type.name, *[id(detail.node) for detail in details])
    shape: CompiledSelection[ObjectProjection] | None = selection.shapes.get(key)
    if shape is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        columns = [column.selected for column in table.columns.values()] if is_loaded else []
        select = SelectList({column: position for position, column in enumerate(columns)})
        projection = compile_object(selection, table, object_type, details, select)
        shape = selection.shapes[key] = CompiledSelection(select.clause, projection)
    return shape


def connection_shape(
    selection: OperationContext,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> CompiledSelection[ConnectionProjection]:
    """Return a selection compiled, once for a document."""
    order = page.order
    # A list and its reverse have one name.
    key = ("page", order.name, order.descending, *[id(detail.node) for detail in details])
    shape: CompiledSelection[ConnectionProjection] | None = selection.shapes.get(key)
    if shape is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        compiler = ConnectionCompiler(selection, page.table, order)
        compiler.compile(connection_type, details)
        shape = selection.shapes[key] = CompiledSelection(
            compiler.select.clause, compiler.projection
        )
    return shape
