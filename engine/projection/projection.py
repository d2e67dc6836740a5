"""A selection set compiled against a table: which columns to select, how a row becomes an answer.

Compiling runs no SQL. It asks each field of the selection: are you a column, worked
out from columns, an embedded JSON value, or a nested query? A nested query comes
from the field's own resolver, called once with a parent that stands for all
parents (`Outer`). A field that is none of these raises NotProjectable, and the
whole value is executed plainly instead.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, cast

import orjson
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList

from engine.projection.context import NotProjectable, OperationContext
from engine.sql.expressions import ParentColumn
from engine.sql.queries import Page, SingleRow
from engine.sql.tables import Column, Table
from engine.sql.timestamps import parse_timestamp, response_expression

Row: TypeAlias = dict[str, Any]
Record: TypeAlias = Sequence[Any]


@dataclass(slots=True)
class SelectList:
    """The expressions of one SELECT, each once, by their position."""

    expressions: dict[str, int] = field(default_factory=dict)

    def position(self, expression: str) -> int:
        """Return where the expression stands, adding it where it does not yet."""
        return self.expressions.setdefault(expression, len(self.expressions))

    @property
    def clause(self) -> str:
        """The text between SELECT and FROM."""
        return ", ".join(self.expressions) or "1"


@dataclass(frozen=True, slots=True)
class Nested:
    """A field whose resolver returns a query, to be run for all parents at once."""

    key: str
    parents: "ParentPlaceholder"
    parent_type: GraphQLObjectType
    object_type: GraphQLObjectType
    field_details: FieldDetailsList
    # The columns of the parents that the query refers to, and where they are in a record.
    outer: tuple[tuple[str, int], ...]


@dataclass
class ObjectProjection:
    """How the records of one SELECT become the objects of one selection set."""

    # By response key, in their order: an expression of Python over the columns of a record
    # (c0, c1, ...) and what it refers to.
    members: dict[str, str] = field(default_factory=dict)
    referred: dict[str, Any] = field(
        default_factory=lambda: {"fragment": orjson.Fragment, "moment_of": parse_timestamp}
    )
    nested: list[Nested] = field(default_factory=list)
    _builders: dict[int, Callable[[Sequence[Record]], list[Row]]] = field(default_factory=dict)

    def refer(self, value: Any) -> str:
        """Return the name by which an expression can refer to a value."""
        name = f"r{len(self.referred)}"
        self.referred[name] = value
        return name

    def build(self, records: Sequence[Record]) -> list[Row]:
        """Return an object for each record; nested queries are still to be filled in."""
        if not records:
            return []
        width = len(records[0])
        builder = self._builders.get(width)
        if builder is None:
            builder = self._builders[width] = self._builder(width)
        return builder(records)

    def _builder(self, width: int) -> Callable[[Sequence[Record]], list[Row]]:
        """Return the function that builds the objects, in one expression.

        Written as code, a row takes far less time than a loop over its columns.
        """
        columns = "".join(f"c{position}, " for position in range(width))
        members = ", ".join(f"{key!r}: {expression}" for key, expression in self.members.items())
        source = f"lambda records: [{{{members}}} for {columns}in records]"
        # Of a caller there are but names in it, which the parser has let pass as GraphQL names.
        builder: Callable[[Sequence[Record]], list[Row]] = eval(source, self.referred)  # noqa: S307
        return builder


def compile_object(
    selection: OperationContext,
    table: Table,
    object_type: GraphQLObjectType,
    field_details: FieldDetailsList,
    select: SelectList,
) -> ObjectProjection:
    """Compile the selection under a field for objects that are rows of the table."""
    projection = ObjectProjection()
    for key, details in selection.subfields(object_type, field_details).items():
        name = details[0].node.name.value
        if name == "__typename":
            projection.members[key] = repr(object_type.name)
            continue
        attribute = _snake_case(name)
        column = table.columns.get(attribute)
        if computed := table.computed.get(attribute):
            columns = ", ".join(
                f"c{select.position(table.columns[one].sql)}" for one in computed.columns
            )
            projection.members[key] = f"{projection.refer(computed.compute)}({columns})"
        elif column is None:
            projection.members[key] = "None"
            projection.nested.append(
                _compile_nested(selection, table, object_type, key, details, select)
            )
        elif is_leaf_type(get_named_type(object_type.fields[name].type)):
            projection.members[key] = _leaf(projection, column, select)
        else:
            value = f"c{select.position(column.sql)}"
            pick = projection.refer(_embedded(selection, object_type.fields[name].type, details))
            projection.members[key] = _unless_null(value, f"{pick}({value})")
    return projection


def _leaf(projection: ObjectProjection, column: Column, select: SelectList) -> str:
    """Return the expression for a column as the encoder takes it."""
    value = f"c{select.position(column.selected)}"
    if column.is_time:
        return _unless_null(value, response_expression(value))
    if column.names is not None:
        return f"{projection.refer(column.names)}[{value}]"
    if column.is_json:
        return _unless_null(value, f"fragment({value})")
    return value


def _unless_null(value: str, expression: str) -> str:
    return f"None if {value} is None else {expression}"


def _compile_nested(  # noqa: PLR0917  # what compile_object takes, and the key
    selection: OperationContext,
    table: Table,
    parent_type: GraphQLObjectType,
    key: str,
    details: FieldDetailsList,
    select: SelectList,
) -> Nested:
    return_type = parent_type.fields[details[0].node.name.value].type
    parents = ParentPlaceholder(table)
    query = selection.resolve(parent_type, details, parents)
    object_type = get_named_type(return_type)
    names = parent_columns(query)
    if not names or not is_object_type(object_type):
        raise NotProjectable
    if isinstance(query, SingleRow) and is_non_null_type(return_type):
        raise NotProjectable
    outer = tuple((name, select.position(table.columns[name].sql)) for name in names)
    return Nested(key, parents, parent_type, object_type, details, outer)


def parent_columns(query: object) -> tuple[str, ...]:
    """Return the columns of the parents that a query refers to; raises NotProjectable."""
    if not isinstance(query, (SingleRow, Page)):
        raise NotProjectable
    values = query.where.values
    return tuple(dict.fromkeys(value.column for value in values if isinstance(value, ParentColumn)))


class ParentPlaceholder:
    """Stands for every parent row at once: an attribute is that column of the parent."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __getattr__(self, name: str) -> ParentColumn:
        if name not in self._table.columns:
            raise NotProjectable
        return ParentColumn(name)


def _embedded(
    selection: OperationContext, return_type: GraphQLOutputType, details: FieldDetailsList
) -> Callable[[str], list[Row]]:
    """Return what picks a selection out of a JSON list of objects with the field names as keys."""
    list_type = get_nullable_type(return_type)
    object_type = get_named_type(return_type)
    if not is_list_type(list_type) or not is_object_type(object_type):
        raise NotProjectable
    picks: list[tuple[str, str, str | None]] = []
    for key, subfield in selection.subfields(object_type, details).items():
        name = subfield[0].node.name.value
        if name == "__typename":
            picks.append((key, name, object_type.name))
        elif is_leaf_type(get_named_type(object_type.fields[name].type)):
            picks.append((key, name, None))
        else:
            raise NotProjectable

    def pick(text: str) -> list[Row]:
        items = cast("list[Row]", orjson.loads(text))
        return [
            {key: constant or item.get(name) for key, name, constant in picks} for item in items
        ]

    return pick


_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


@cache
def _snake_case(name: str) -> str:
    """Return the Python name of a GraphQL name of the schema's."""
    return _WORD_START.sub("_", name).lower()
