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

__all__ = ["CompiledSelection", "connection_selection", "object_selection"]

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


def object_selection(
    context: OperationContext,
    table: Table,
    object_type: GraphQLObjectType,
    details: FieldDetailsList,
    *,
    is_loaded: bool = False,
) -> CompiledSelection[ObjectProjection]:
    """Return a selection compiled, once for a document."""
    key = ("rows", is_loaded, object_type.name, *[id(detail.node) for detail in details])
    compiled: CompiledSelection[ObjectProjection] | None = context.compile_cache.get(key)
    if compiled is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        columns = [column.selected for column in table.columns.values()] if is_loaded else []
        select = SelectList({column: position for position, column in enumerate(columns)})
        projection = compile_object(context, table, object_type, details, select)
        compiled = context.compile_cache[key] = CompiledSelection(select.clause, projection)
    return compiled


def connection_selection(
    context: OperationContext,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> CompiledSelection[ConnectionProjection]:
    """Return a selection compiled, once for a document."""
    order = page.order
    # A list and its reverse have one name.
    key = ("page", order.name, order.descending, *[id(detail.node) for detail in details])
    compiled: CompiledSelection[ConnectionProjection] | None = context.compile_cache.get(key)
    if compiled is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        compiler = ConnectionCompiler(context, page.table, order)
        compiler.compile(connection_type, details)
        compiled = context.compile_cache[key] = CompiledSelection(
            compiler.select.clause, compiler.projection
        )
    return compiled
