"""Cache of compiled selections and of the text of their statements."""

import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import FieldDetailsList

from engine.caches import STATS, LruCache, ValueUsage
from engine.projection.connection import ConnectionCompiler, ConnectionProjection
from engine.projection.context import OperationContext
from engine.projection.projection import ObjectProjection, SelectList, compile_object
from engine.sql.expressions import Sql, render
from engine.sql.queries import Page
from engine.sql.statements import PARENTS
from engine.sql.tables import Table

__all__ = ["CompiledSelection", "connection_selection", "object_selection"]

P = TypeVar("P")

# Measured: the memory of a compiled selection, of one of its fields, and of a statement's key.
_SELECTION_BYTES = 5_000
_FIELD_BYTES = 1_200
_KEY_BYTES = 700

_SELECTIONS = STATS["selections"]
_numbers = count()


@dataclass(slots=True)
class CompiledSelection(Generic[P]):
    """Compiled selection: its select list and its projection, and the cache of its statements."""

    columns: str
    projection: P
    texts: LruCache[Hashable, str]
    _number: int = field(default_factory=_numbers.__next__)

    def text(self, key: Hashable, build: Callable[[], Sql]) -> str:
        """Return the text of a statement, built once for each key.

        The text may depend on this selection and on the key, and on nothing else.
        """
        numbered_key = (self._number, key)
        text = self.texts.get(numbered_key)
        if text is None:
            text, _ = render(build(), outer=PARENTS)
            # The key contains the text of the condition, which is a part of the statement's.
            self.texts.put(numbered_key, text, ValueUsage(_KEY_BYTES + 2 * sys.getsizeof(text)))
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
        _SELECTIONS.hits += 1
    else:
        _SELECTIONS.misses += 1
        columns = [column.selected for column in table.columns.values()] if is_loaded else []
        select_list = SelectList({column: position for position, column in enumerate(columns)})
        projection = compile_object(context, table, object_type, details, select_list)
        compiled = CompiledSelection(select_list.clause, projection, context.document.statements)
        context.compile_cache.add(
            key, compiled, size=_size(compiled.columns, len(projection.members))
        )
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
        _SELECTIONS.hits += 1
    else:
        _SELECTIONS.misses += 1
        compiler = ConnectionCompiler(context, page.table, order)
        compiler.compile(connection_type, details)
        compiled = CompiledSelection(
            compiler.select_list.clause, compiler.projection, context.document.statements
        )
        members = sum(len(nodes.members) for nodes in compiler.projection.nodes)
        context.compile_cache.add(
            key,
            compiled,
            size=_size(compiled.columns, members + len(compiler.projection.getters)),
        )
    return compiled


def _size(columns: str, field_count: int) -> int:
    return _SELECTION_BYTES + 2 * sys.getsizeof(columns) + _FIELD_BYTES * field_count
