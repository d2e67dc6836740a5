"""A selection set compiled against a table: which columns to select, how a row becomes an answer.

Compiling runs no SQL. It asks each field of the selection: are you a column, worked
out from columns, an embedded JSON value, or a nested query? A nested query comes
from the field's own resolver, called once with a parent that stands for all
parents (`Outer`). A field that is none of these raises NotProjectable, and the
whole value is executed plainly instead.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias, cast

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
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from engine.queries import One, Page
from engine.sql import Outer
from engine.tables import Decode, Table

Row: TypeAlias = dict[str, Any]
Record: TypeAlias = Sequence[Any]


class NotProjectable(Exception):
    """A selection that must be executed plainly."""


class Selector(Protocol):
    """What compiling and loading need of the running operation; the executor is one."""

    # What was compiled for the operation's document and the variables of its directives:
    # it outlives the operation, and so do the nodes of the document that the keys name.
    shapes: dict[Hashable, Any]

    def subfields(
        self, object_type: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """Return the fields selected under a field, by response key."""

    def resolve(
        self, parent_type: GraphQLObjectType, details: FieldDetailsList, parent: Any
    ) -> Any:
        """Call a field's resolver with its arguments and the given parent."""


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
    parents: "Parents"
    parent_type: GraphQLObjectType
    object_type: GraphQLObjectType
    field_details: FieldDetailsList
    # The columns of the parents that the query refers to, and where they are in a record.
    outer: tuple[tuple[str, int], ...]


@dataclass
class ObjectProjection:
    """How the records of one SELECT become the objects of one selection set."""

    # Every response key in its order, with its value where that is the same for all rows.
    template: Row = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    decoders: list[tuple[str, Decode]] = field(default_factory=list)
    computed: list[tuple[str, tuple[int, ...], Callable[..., Any]]] = field(default_factory=list)
    nested: list[Nested] = field(default_factory=list)

    @cached_property
    def is_prefix(self) -> bool:
        """Whether the keys are those of the first columns, in their order."""
        return self.positions == list(range(len(self.keys)))

    def build(self, records: Sequence[Record]) -> list[Row]:
        """Return an object for each record; nested queries are still to be filled in."""
        keys = self.keys
        if self.is_prefix:
            rows = [dict(zip(keys, record)) for record in records]  # noqa: B905  # the hidden columns come after the keys
        else:
            positions = self.positions
            rows = [
                {key: record[at] for key, at in zip(keys, positions, strict=True)}
                for record in records
            ]
        if len(self.template) != len(keys):
            rows = [self.template | row for row in rows]
        for key, decode in self.decoders:
            for row in rows:
                if (value := row[key]) is not None:
                    row[key] = decode(value)
        for key, arguments, compute in self.computed:
            for row, record in zip(rows, records, strict=True):
                row[key] = compute(*[record[at] for at in arguments])
        return rows


def compile_object(
    selector: Selector,
    table: Table,
    object_type: GraphQLObjectType,
    field_details: FieldDetailsList,
    select: SelectList,
) -> ObjectProjection:
    """Compile the selection under a field for objects that are rows of the table."""
    projection = ObjectProjection()
    for key, details in selector.subfields(object_type, field_details).items():
        name = details[0].node.name.value
        if name == "__typename":
            projection.template[key] = object_type.name
            continue
        projection.template[key] = None
        column_name = snake_case(name)
        column = table.columns.get(column_name)
        return_type = object_type.fields[name].type
        if computed := table.computed.get(column_name):
            positions = tuple(select.position(f'"{column}"') for column in computed.columns)
            projection.computed.append((key, positions, computed.compute))
        elif column is None:
            projection.nested.append(
                _compile_nested(selector, table, object_type, key, details, select)
            )
        else:
            projection.keys.append(key)
            projection.positions.append(select.position(column.sql))
            if not is_leaf_type(get_named_type(return_type)):
                projection.decoders.append((key, _embed(selector, return_type, details)))
            elif column.decode is not None:
                projection.decoders.append((key, column.decode))
    return projection


def _compile_nested(  # noqa: PLR0917  # what compile_object takes, and the key
    selector: Selector,
    table: Table,
    parent_type: GraphQLObjectType,
    key: str,
    details: FieldDetailsList,
    select: SelectList,
) -> Nested:
    return_type = parent_type.fields[details[0].node.name.value].type
    parents = Parents(table)
    query = selector.resolve(parent_type, details, parents)
    object_type = get_named_type(return_type)
    if not is_object_type(object_type) or not isinstance(query, (One, Page)):
        raise NotProjectable
    if isinstance(query, One) and is_non_null_type(return_type):
        raise NotProjectable
    names = outer_columns(query)
    if not names:
        raise NotProjectable
    outer = tuple((name, select.position(table.columns[name].sql)) for name in names)
    return Nested(key, parents, parent_type, object_type, details, outer)


def outer_columns(query: One | Page) -> tuple[str, ...]:
    """Return the columns of the parents that a query refers to."""
    values = query.where.values
    return tuple(dict.fromkeys(value.column for value in values if isinstance(value, Outer)))


class Parents:
    """Stands for every parent row at once: an attribute is that column of the parent."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Outer:
        if name not in self._table.columns:
            raise NotProjectable
        return Outer(name)


def _embed(selector: Selector, return_type: GraphQLOutputType, details: FieldDetailsList) -> Decode:
    """Return what picks a selection out of a JSON list of objects with the field names as keys."""
    list_type = get_nullable_type(return_type)
    object_type = get_named_type(return_type)
    if not is_list_type(list_type) or not is_object_type(object_type):
        raise NotProjectable
    picks: list[tuple[str, str, str | None]] = []
    for key, subfield in selector.subfields(object_type, details).items():
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
_SNAKE_CASE: dict[str, str] = {}


def snake_case(name: str) -> str:
    """Return the Python name of a GraphQL name of the schema's."""
    known = _SNAKE_CASE.get(name)
    if known is None:
        known = _SNAKE_CASE[name] = _WORD_START.sub("_", name).lower()
    return known
