"""Cache of compiled selections and of the text of their statements."""

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

# Statement texts cached for one selection. Each combination of filters has its own text.
MAX_STATEMENT_TEXTS = 64


@dataclass(slots=True)
class CompiledSelection(Generic[P]):
    """Compiled selection: its select list, its projection, and the texts of its statements."""

    columns: str
    projection: P
    texts: dict[Hashable, str] = field(default_factory=dict)

    def text(self, key: Hashable, build: Callable[[], Sql]) -> str:
        """Return the text of a statement, built once for each key.

        The text may depend on this selection and on the key, and on nothing else.
        """
        text = self.texts.get(key)
        if text is not None:
            STATEMENTS.hits += 1
        else:
            STATEMENTS.misses += 1
            if len(self.texts) >= MAX_STATEMENT_TEXTS:
                self.texts.clear()
            text, _ = render(build(), outer=PARENTS)
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
    """Return the compiled selection of an object, compiled once for each operation.

    With ``is_loaded`` a record is that of a `Loaded` query: all columns of the table in order.
    """
    key = ("rows", is_loaded, object_type.name, *[id(detail.node) for detail in details])
    compiled: CompiledSelection[ObjectProjection] | None = context.compile_cache.get(key)
    if compiled is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        columns = [column.selected for column in table.columns.values()] if is_loaded else []
        select_list = SelectList({column: position for position, column in enumerate(columns)})
        projection = compile_object(context, table, object_type, details, select_list)
        compiled = CompiledSelection(select_list.clause, projection)
        context.compile_cache[key] = compiled
    return compiled


def connection_selection(
    context: OperationContext,
    page: Page,
    connection_type: GraphQLObjectType,
    details: FieldDetailsList,
) -> CompiledSelection[ConnectionProjection]:
    """Return the compiled selection of a connection, compiled once for each operation and order."""
    order = page.order
    # An order and its reverse have the same name.
    key = ("page", order.name, order.descending, *[id(detail.node) for detail in details])
    compiled: CompiledSelection[ConnectionProjection] | None = context.compile_cache.get(key)
    if compiled is not None:
        SELECTIONS.hits += 1
    else:
        SELECTIONS.misses += 1
        compiler = ConnectionCompiler(context, page.table, order)
        compiler.compile(connection_type, details)
        compiled = CompiledSelection(compiler.select_list.clause, compiler.projection)
        context.compile_cache[key] = compiled
    return compiled
