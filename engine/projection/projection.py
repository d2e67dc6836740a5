"""Compile a selection set against a table: the columns to select, and how a row becomes an object.

Compiling runs no SQL. Each field of the selection is one of these: a column, a value computed
from columns, an embedded JSON value, or a nested query. The nested query comes from the field's
fast resolver, which is called once with a placeholder for all parents (`ParentPlaceholder`). Any
other field raises NotProjectable, and the fallback executes the whole value. Examples are a field
whose resolver only Strawberry can call, and a field whose values are converted when serialized.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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

from engine.arguments.fast_resolvers import FastResolver, fast_resolver_of, row_model_of
from engine.exact_json import dumps, is_exact, loads
from engine.projection.columns import is_sent_as_stored
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.fallbacks import FallbackReason
from engine.projection.response_size import Path, RowWeights
from engine.sql.expressions import ParentColumn
from engine.sql.queries import Page, SingleRow
from engine.sql.tables import Column, Table
from engine.sql.timestamps import parse_timestamp, response_expression

# Embedded objects are at least this long in JSON.
_MIN_ITEM_LENGTH = 20

# An object of the response by its response keys, and a row of a statement's result.
ResponseObject: TypeAlias = dict[str, Any]
Record: TypeAlias = Sequence[Any]


@dataclass(slots=True)
class SelectList:
    """Distinct expressions of one SELECT, with their positions."""

    expressions: dict[str, int] = field(default_factory=dict)

    def position(self, expression: str) -> int:
        """Return the position of an expression, adding the expression if it is new."""
        return self.expressions.setdefault(expression, len(self.expressions))

    @property
    def clause(self) -> str:
        """The text between SELECT and FROM."""
        return ", ".join(self.expressions) or "1"


@dataclass(frozen=True, slots=True)
class NestedQuery:
    """A field whose resolver returns a query; one statement reads its rows for all parents."""

    key: str
    placeholder: "ParentPlaceholder"
    parent_type: GraphQLObjectType
    object_type: GraphQLObjectType
    field_details: FieldDetailsList
    # The parent columns that the query refers to, and their positions in a parent's record.
    key_columns: tuple[str, ...]
    key_positions: tuple[int, ...]


@dataclass
class ObjectProjection:
    """Builds the objects of one selection set from the records of one SELECT."""

    # For each response key, in response order: a Python expression over the values of a record
    # (c0, c1, ...) and the names in `namespace`.
    members: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, Any] = field(
        default_factory=lambda: {"fragment": orjson.Fragment, "parse_timestamp": parse_timestamp}
    )
    nested: list[NestedQuery] = field(default_factory=list)
    weights: RowWeights = field(default_factory=RowWeights)
    # The response keys from the field of the query to these objects: "nodes" of a connection.
    path: Path = ()
    # By the number of values in a record.
    _builders: dict[int, Callable[[Sequence[Record]], list[ResponseObject]]] = field(
        default_factory=dict
    )

    def bind(self, value: Any) -> str:
        """Add a value to the namespace and return its name."""
        name = f"r{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def build(self, records: Sequence[Record]) -> list[ResponseObject]:
        """Return an object for each record; the values of nested queries are still None."""
        if not records:
            return []
        width = len(records[0])
        builder = self._builders.get(width)
        if builder is None:
            builder = self._builders[width] = self._compile_builder(width)
        return builder(records)

    def _compile_builder(self, width: int) -> Callable[[Sequence[Record]], list[ResponseObject]]:
        """Return a function that builds all objects in one list comprehension.

        Generated code is several times as fast as a loop over the columns of each record.
        """
        columns = "".join(f"c{position}, " for position in range(width))
        members = ", ".join(f"{key!r}: {expression}" for key, expression in self.members.items())
        source = f"lambda records: [{{{members}}} for {columns}in records]"
        # The only input from a client is response keys, which the parser accepted as GraphQL names.
        builder: Callable[[Sequence[Record]], list[ResponseObject]] = eval(source, self.namespace)  # noqa: S307
        return builder


def compile_object(
    context: OperationContext,
    table: Table,
    object_type: GraphQLObjectType,
    field_details: FieldDetailsList,
    select_list: SelectList,
) -> ObjectProjection:
    """Compile the selection under a field whose objects are rows of the table.

    Adds the selected expressions to the select list. Raises NotProjectable.
    """
    if row_model_of(object_type) not in {object, table.model}:
        raise NotProjectable(FallbackReason.TYPE, object_type.name)
    projection = ObjectProjection()
    for key, details in context.subfields(object_type, field_details).items():
        name = details[0].node.name.value
        if name == "__typename":
            projection.members[key] = repr(object_type.name)
            projection.weights.add_key(key, value_bytes=len(object_type.name) + 2)
            continue
        attribute = require_fast_resolver(object_type, name).attribute
        return_type = object_type.fields[name].type
        if attribute is None:
            # Reserve the key's place in the object; the nested query fills in the value.
            projection.members[key] = "None"
            projection.weights.add_key(key)
            projection.nested.append(
                _compile_nested(context, table, object_type, key, details, select_list)
            )
        elif computed := table.computed.get(attribute):
            arguments = ", ".join(
                f"c{select_list.position(table.columns[source].sql)}" for source in computed.columns
            )
            projection.members[key] = f"{projection.bind(computed.compute)}({arguments})"
            for source in computed.columns:
                position = select_list.position(table.columns[source].sql)
                projection.weights.add_column(key, name, table.columns[source], position)
        elif (column := table.columns.get(attribute)) is None:
            raise NotProjectable(FallbackReason.COLUMN, f"{object_type.name}.{name}")
        elif is_sent_as_stored(column, return_type):
            projection.members[key] = _leaf(projection, column, select_list)
            position = select_list.position(column.selected)
            projection.weights.add_column(key, name, column, position)
        elif column.is_json and not is_leaf_type(get_named_type(return_type)):
            position = select_list.position(column.sql)
            value = f"c{position}"
            pick, times = _compile_embedded(context, return_type, details)
            projection.members[key] = _unless_null(value, f"{projection.bind(pick)}({value})")
            projection.weights.add_column(key, name, column, position, times=times)
        else:
            raise NotProjectable(FallbackReason.COLUMN, f"{object_type.name}.{name}")
    return projection


def response_key(details: FieldDetailsList) -> str:
    """Return the response key of a field."""
    node = details[0].node
    return (node.alias or node.name).value


def require_fast_resolver(object_type: GraphQLObjectType, name: str) -> FastResolver:
    """Return the fast resolver of a field; raises NotProjectable if it has none."""
    resolver = fast_resolver_of(object_type.fields[name])
    if resolver is None:
        raise NotProjectable(FallbackReason.RESOLVER, f"{object_type.name}.{name}")
    return resolver


def _leaf(projection: ObjectProjection, column: Column, select_list: SelectList) -> str:
    """Return the Python expression that gives a column's value to the JSON encoder."""
    value = f"c{select_list.position(column.selected)}"
    if column.is_time:
        return _unless_null(value, response_expression(value))
    if column.enum_names is not None:
        return f"{projection.bind(column.enum_names)}[{value}]"
    if column.is_json:
        return _unless_null(value, f"fragment({value})")
    return value


def _unless_null(value: str, expression: str) -> str:
    return f"None if {value} is None else {expression}"


def _compile_nested(  # noqa: PLR0917  # the parameters of compile_object, and the key
    context: OperationContext,
    table: Table,
    parent_type: GraphQLObjectType,
    key: str,
    details: FieldDetailsList,
    select_list: SelectList,
) -> NestedQuery:
    """Call the field's resolver with a placeholder and select the parent columns it refers to."""
    name = details[0].node.name.value
    return_type = parent_type.fields[name].type
    placeholder = ParentPlaceholder(table)
    query = context.resolve(parent_type, details, placeholder)
    object_type = get_named_type(return_type)
    columns = referenced_columns(query)
    if not columns:
        raise NotProjectable(FallbackReason.RESOLVER, f"{parent_type.name}.{name}")
    if not is_object_type(object_type) or (
        isinstance(query, SingleRow) and is_non_null_type(return_type)
    ):
        raise NotProjectable(FallbackReason.TYPE, f"{parent_type.name}.{name}")
    positions = tuple(select_list.position(table.columns[name].sql) for name in columns)
    return NestedQuery(key, placeholder, parent_type, object_type, details, columns, positions)


def referenced_columns(query: object) -> tuple[str, ...]:
    """Return the parent columns that a query refers to; raises NotProjectable."""
    if not isinstance(query, (SingleRow, Page)):
        raise NotProjectable(FallbackReason.RESOLVER, type(query).__name__)
    values = query.where.values
    return tuple(dict.fromkeys(value.column for value in values if isinstance(value, ParentColumn)))


class ParentPlaceholder:
    """Takes the place of the parent in a resolver call; an attribute is a `ParentColumn`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __getattr__(self, name: str) -> ParentColumn:
        if name not in self._table.columns:
            raise NotProjectable(FallbackReason.COLUMN, f"{self._table.type_name}.{name}")
        return ParentColumn(name)


def _compile_embedded(
    context: OperationContext, return_type: GraphQLOutputType, details: FieldDetailsList
) -> tuple[Callable[[str], list[ResponseObject]], int]:
    """Return a function that applies the selection to a JSON list of objects.

    The keys of the JSON objects are GraphQL field names. Also return how often the response can
    contain the text of the list.
    """
    list_type = get_nullable_type(return_type)
    object_type = get_named_type(return_type)
    if not is_list_type(list_type) or not is_object_type(object_type):
        raise NotProjectable(FallbackReason.TYPE, object_type.name)
    # The response key, the key in the JSON object, and the value if it is a constant.
    members: list[tuple[str, str, str | None]] = []
    for key, subfield in context.subfields(object_type, details).items():
        name = subfield[0].node.name.value
        if name == "__typename":
            members.append((key, name, object_type.name))
            continue
        is_attribute = require_fast_resolver(object_type, name).attribute is not None
        if not is_attribute or not is_leaf_type(get_named_type(object_type.fields[name].type)):
            raise NotProjectable(FallbackReason.COLUMN, f"{object_type.name}.{name}")
        members.append((key, name, None))

    def pick(text: str) -> list[ResponseObject]:
        content = text.encode()
        items = cast("list[dict[str, Any]]", loads(content))
        if not is_exact(content):
            # The encoder of responses does not know exact numbers.
            items = [
                {name: orjson.Fragment(dumps(value)) for name, value in item.items()}
                for item in items
            ]
        return [
            {key: constant or item.get(name) for key, name, constant in members} for item in items
        ]

    names = Counter(name for _, name, _ in members)
    longer_keys = sum(max(0, len(key) - len(name)) for key, name, _ in members)
    return pick, max(names.values(), default=1) + longer_keys // _MIN_ITEM_LENGTH
