"""Hypothesis strategy for random operations that are valid against the schema.

It walks the schema and writes aliased and merged fields, inline and named fragments on types and
interfaces, directives with variables, nested lists, and every kind of argument, some of them
invalid. It knows types by name only for arguments that refer to rows of `dataset`, and for
mutations: it writes only those that change nothing.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from random import Random
from typing import Any, TypeAlias, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
)
from hypothesis import strategies as st

from resolvers.tables import (
    NEWEST_DELIVERY_FIRST,
    NEWEST_EVENT_FIRST,
    NEWEST_LOG_ENTRY_FIRST,
    NEWEST_TICKET_FIRST,
)
from tests.engine import dataset

T = TypeVar("T")

MAX_DEPTH = 7
MAX_FIELDS = 40
MAX_FILTER_DEPTH = 3
LIST_ARGUMENTS = {"first", "ids"}
# Percentage of paging arguments that are invalid.
INVALID_PERCENT = 3

_VARIABLE = re.compile(r"\$(\w+)")
_SPREAD = re.compile(r"\.\.\.(f\d+)")

# Inputs of mutations that are rejected or change nothing.
INPUTS_WITHOUT_EFFECT: Mapping[str, tuple[str, ...]] = {
    "createTicket": (
        '{id: "t01", subject: "S", description: "", customerName: "N", customerEmail: "n@host"}',
        '{subject: "", description: "D", customerName: "N", customerEmail: "unknown"}',
    ),
    "updateTicket": (
        '{id: "t01"}',
        '{id: "t05", expectedVersion: 0}',
        '{id: "unknown", subject: "S"}',
        '{id: "t03", metadata: 1, metadataPatch: 2}',
    ),
    "deleteTicket": ('{id: "t01", expectedVersion: 0}', '{id: "unknown"}'),
    "sendToOps": ('{ticketId: "t02"}', '{ticketId: "unknown"}', '{ticketId: ""}'),
    "retryDelivery": ('{deliveryId: "d02"}', '{deliveryId: "unknown"}'),
    "cancelDelivery": ('{deliveryId: "d02"}', '{deliveryId: "unknown"}'),
}
# Tickets whose status `opsStatus` cannot query; a successful query adds a log entry.
NOT_QUERYABLE = ('"t12"', '"t04"', '"unknown"', '""')


@dataclass(frozen=True)
class Operation:
    """A document, and sets of variables to execute it with."""

    document: str
    variables: list[dict[str, Any]]


@dataclass
class Selected:
    """Field under a response key; the same key can only be selected again for the same field."""

    name: str
    # The name with the arguments, as written in the document.
    text: str
    type: str
    # The type of the field. A field of another type with this name can have other arguments.
    owner: str
    scope: "Scope"

    def is_same(self, other: "Selected") -> bool:
        """Return whether both are the same field, so that they can be merged."""
        return (self.text, self.type) == (other.text, other.type)


Scope: TypeAlias = dict[str, Selected]


@st.composite
def operations(draw: st.DrawFn, schema: GraphQLSchema, *, shrink: bool = True) -> Operation:
    """Return an operation that is valid against the schema.

    Without ``shrink``, Hypothesis draws one number for the operation instead of one for each
    choice: ten times as fast, but a failing operation does not become smaller.
    """
    if shrink:
        return _Writer(lambda end: draw(_below(end)), schema).operation()
    return _Writer(Random(draw(st.integers(0, 2**64))).randrange, schema).operation()  # noqa: S311  # no secret


@dataclass
class _Writer:
    # Returns a random number from 0 to below its argument.
    below: Callable[[int], int]
    schema: GraphQLSchema
    variables: dict[str, str] = field(default_factory=dict)
    # The sets of variables to execute the operation with.
    values: list[dict[str, Any]] = field(default_factory=lambda: [{}, {}])
    fragments: dict[str, str] = field(default_factory=dict)
    # Complete fragments, with their type and their selection.
    reusable: list[tuple[str, str, Scope]] = field(default_factory=list)
    fields: int = 0

    def operation(self) -> Operation:
        is_mutation = self.chance(15)
        root = self.schema.mutation_type if is_mutation else self.schema.query_type
        assert root is not None
        selection = self.selection_set(root, {}, depth=0)
        fragments = self.fragments_in(selection)
        used = set(_VARIABLE.findall("".join([selection, *fragments])))
        declared = [f"${name}: {type_}" for name, type_ in self.variables.items() if name in used]
        values = [
            {name: value for name, value in given.items() if name in used} for given in self.values
        ]
        head = "mutation" if is_mutation else self.pick(["query", "query Operation"])
        variables = f"({', '.join(declared)})" if declared else ""
        return Operation("\n".join([f"{head}{variables} {selection}", *fragments]), values)

    def fragments_in(self, text: str) -> list[str]:
        """Return the definitions of the fragments that a text uses, directly or in fragments."""
        names: dict[str, None] = {}
        texts = [text]
        while texts:
            for name in _SPREAD.findall(texts.pop()):
                if name not in names:
                    names[name] = None
                    texts.append(self.fragments[name])
        return [self.fragments[name] for name in names]

    # ---------------------------------------------------------------- selections

    def selection_set(self, parent: Any, scope: Scope, *, depth: int) -> str:
        count = self.pick(range(1, 6 if depth else 4))
        selections = [self.selection(parent, scope, depth=depth) for _ in range(count)]
        return "{ " + " ".join(selections) + " }"

    def selection(self, parent: Any, scope: Scope, *, depth: int) -> str:
        if depth < MAX_DEPTH and self.fields < MAX_FIELDS:
            match self.pick(range(20)):
                case 18 | 19:
                    return self.inline_fragment(parent, scope, depth=depth)
                case 17:
                    return self.new_fragment(parent, scope, depth=depth)
                case 16 if spread := self.same_fragment(parent, scope):
                    return spread
        if isinstance(parent, GraphQLInterfaceType) and self.chance(50):
            return self.inline_fragment(parent, scope, depth=depth)
        return self.field(parent, scope, depth=depth)

    def inline_fragment(self, parent: Any, scope: Scope, *, depth: int) -> str:
        condition = self.condition(parent)
        on = f" on {condition.name}" if condition is not parent or self.chance(50) else ""
        directive = self.directive()
        return f"...{on}{directive} {self.selection_set(condition, scope, depth=depth + 1)}"

    def new_fragment(self, parent: Any, scope: Scope, *, depth: int) -> str:
        condition = self.condition(parent)
        name = f"f{len(self.fragments)}"
        self.fragments[name] = ""  # reserves the number
        own_scope: Scope = {}
        selection = self.selection_set(condition, own_scope, depth=depth + 1)
        self.fragments[name] = f"fragment {name} on {condition.name} {selection}"
        if not _merge(scope, own_scope):
            return self.field(parent, scope, depth=depth)
        self.reusable.append((name, condition.name, own_scope))
        return f"...{name}{self.directive()}"

    def same_fragment(self, parent: Any, scope: Scope) -> str | None:
        names = {type_.name for type_ in self.conditions(parent)}
        fitting = [fragment for fragment in self.reusable if fragment[1] in names]
        if not fitting:
            return None
        name, _, own_scope = self.pick(fitting)
        return f"...{name}{self.directive()}" if _merge(scope, own_scope) else None

    def condition(self, parent: Any) -> Any:
        return self.pick(self.conditions(parent))

    def conditions(self, parent: Any) -> list[Any]:
        """Return the possible type conditions of a fragment within this type."""
        if isinstance(parent, GraphQLInterfaceType):
            return [parent, *self.schema.get_implementations(parent).objects]
        return [parent, *parent.interfaces]

    def field(self, parent: Any, scope: Scope, *, depth: int) -> str:
        self.fields += 1
        names = [
            name
            for name, definition in parent.fields.items()
            if depth < MAX_DEPTH or not is_composite_type(get_named_type(definition.type))
        ]
        if not depth:
            # At the root, prefer lists.
            names += [
                name
                for name in names
                if name in parent.fields and LIST_ARGUMENTS & set(parent.fields[name].args)
            ] * 3
        if depth and self.fields < MAX_FIELDS:
            # Prefer fields with a selection set.
            names += [
                name
                for name in names
                if is_composite_type(get_named_type(parent.fields[name].type))
            ] * 2
        name = self.pick([*names, "__typename"])
        definition = parent.fields.get(name)
        type_ = str(definition.type) if definition else "String!"
        same = [
            key
            for key, selected in scope.items()
            if (selected.name, selected.type) == (name, type_)
            and (selected.owner == parent.name or selected.text == name)
        ]
        if same and self.chance(40):
            key = self.pick(same)
        else:
            arguments = self.arguments(name, definition) if definition else ""
            key = self.key(Selected(name, f"{name}{arguments}", type_, parent.name, {}), scope)
        selected = scope[key]
        alias = "" if key == name else f"{key}: "
        text = f"{alias}{selected.text}{self.directive()}"
        if definition is None or not is_composite_type(get_named_type(definition.type)):
            return text
        subtype = get_named_type(definition.type)
        return f"{text} {self.selection_set(subtype, selected.scope, depth=depth + 1)}"

    def key(self, selected: Selected, scope: Scope) -> str:
        """Return a response key that is free, or that already has this field."""
        number = 0
        key = selected.name if self.chance(60) else f"{selected.name}0"
        while key in scope and not scope[key].is_same(selected):
            number += 1
            key = f"{selected.name}{number}"
        scope.setdefault(key, selected)
        return key

    def directive(self) -> str:
        if not self.chance(12):
            return ""
        name = self.pick(["skip", "include"])
        value = self.pick(["true", "false"]) if self.chance(20) else f"${self.switch()}"
        return f" @{name}(if: {value})"

    def switch(self) -> str:
        """Return a variable for @skip and @include."""
        name = self.pick(["on", "off", "maybe"])
        if name not in self.variables:
            # The optional variable can also be null, which the directives reject.
            self.variables[name] = "Boolean = true" if name == "maybe" else "Boolean!"
            choices = [True, False, ...] * 6 + [None] if name == "maybe" else [True, False]
            for values in self.values:
                if (value := self.pick(choices)) is not ...:
                    values[name] = value
        return name

    # ----------------------------------------------------------------- arguments

    def arguments(self, name: str, definition: GraphQLField) -> str:
        if name in INPUTS_WITHOUT_EFFECT:
            return f"(input: {self.pick(INPUTS_WITHOUT_EFFECT[name])})"
        if name == "opsStatus":
            return f"(ticketId: {self.pick(NOT_QUERYABLE)})"
        given: dict[str, str] = {}
        order = self.order(definition, given)
        for key, argument in definition.args.items():
            if key in given or key == "orderBy":
                continue
            if is_required_argument(argument) or self.chance(20):
                value = partial(self.argument_value, key, argument.type, order)
                given[key] = self.value_text(argument.type, value)
        if "first" in given and "last" in given and not self.chance(INVALID_PERCENT):
            del given[self.pick(["first", "last"])]
        if not given:
            return ""
        return "(" + ", ".join(f"{key}: {value}" for key, value in given.items()) + ")"

    def order(self, definition: GraphQLField, given: dict[str, str]) -> str:
        """Choose the order of a list and return its name, which is part of its cursors."""
        if "orderBy" not in definition.args:
            return ORDERS.get(get_named_type(definition.type).name, "")
        if self.chance(30):
            return NEWEST_TICKET_FIRST.name
        order = self.pick([name for name in CURSORS if name.startswith("tickets.")])
        _, column, direction = order.split(".")
        given["orderBy"] = f"{{field: {column.upper()}, direction: {direction.upper()}}}"
        return order

    def argument_value(self, name: str, type_: GraphQLInputType, order: str) -> Any:
        match name:
            case "first" | "last":
                return (
                    self.pick([0, 101, -1])
                    if self.chance(INVALID_PERCENT)
                    else self.pick(range(1, 6))
                )
            case "after" | "before" if self.chance(INVALID_PERCENT):
                return self.pick(["", "%", CURSORS["events"][0], "W10"])
            case "after" | "before":
                # A list without test data gets the cursor of another list, which is invalid.
                return self.pick(CURSORS.get(order, CURSORS["events"]))
            case "id":
                return self.pick([*IDS, *dataset.TICKET_IDS, "unknown"])
            case "ids":
                return [self.pick([*IDS, "unknown"]) for _ in range(self.pick(range(7)))]
        return self.input_value(type_)

    def input_value(self, type_: GraphQLInputType, *, depth: int = 0) -> Any:
        """Return a value of an input type; never null, which filters reject."""
        if isinstance(type_, GraphQLNonNull):
            return self.input_value(type_.of_type, depth=depth)
        if isinstance(type_, GraphQLList):
            count = self.pick(range(4))
            return [self.input_value(type_.of_type, depth=depth) for _ in range(count)]
        if isinstance(type_, GraphQLEnumType):
            return _Name(self.pick(list(type_.values)))
        if isinstance(type_, GraphQLInputObjectType):
            names = [
                name
                for name, input_field in type_.fields.items()
                if depth < MAX_FILTER_DEPTH or get_named_type(input_field.type) is not type_
            ]
            chosen = dict.fromkeys(self.pick(names) for _ in range(self.pick(range(3))))
            return {
                name: self.input_value(type_.fields[name].type, depth=depth + 1) for name in chosen
            }
        return self.pick(SCALARS[type_.name])

    def value_text(self, type_: GraphQLInputType, value: Callable[[], Any]) -> str:
        """Return a value as text of the document: a literal or a variable."""
        if not self.chance(30):
            return _literal(value())
        name = f"v{len(self.variables)}"
        self.variables[name] = str(type_)
        for given in self.values:
            if isinstance(type_, GraphQLNonNull) or not self.chance(10):
                given[name] = _as_json(value())
        return f"${name}"

    # ------------------------------------------------------------------- choices

    def chance(self, percent: int) -> bool:
        """Return True with this probability."""
        return self.below(100) >= 100 - percent

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices. List the simplest first: Hypothesis shrinks to it."""
        return choices[self.below(len(choices))]


@cache
def _below(end: int) -> st.SearchStrategy[int]:
    return st.integers(0, end - 1)


class _Name(str):
    """Value of an enumeration, which a literal has without quotes."""

    __slots__ = ()


IDS = dataset.all_ids()
CURSORS = dataset.cursors()
# The orders of the lists without `orderBy`.
ORDERS = {
    "LogEntryConnection": NEWEST_LOG_ENTRY_FIRST.name,
    "OpsDeliveryConnection": NEWEST_DELIVERY_FIRST.name,
    "TicketEventConnection": NEWEST_EVENT_FIRST.name,
}
SCALARS: Mapping[str, Sequence[Any]] = {
    "Boolean": [True, False],
    "Int": range(6),
    "String": ["Subject 1", "subject", "agent 1", "general", "", "%", "Customer"],
    "ID": IDS,
    "DateTime": [
        "2026-01-31T08:15:00Z",
        "2026-01-31T09:16:00.000001+01:00",
        "2026-01-31T08:17:00Z",
    ],
    "JSON": [{}, [], "x", 0, {"b": 1}, {"deep": {}}, [["x"]]],
}


def _merge(scope: Scope, other: Scope) -> bool:
    """Add the selections of another scope. Return False, and add nothing, if they conflict."""
    if not _agree(scope, other):
        return False
    for key, selected in other.items():
        into = scope.setdefault(key, replace(selected, scope={}))
        _merge(into.scope, selected.scope)
    return True


def _agree(scope: Scope, other: Scope) -> bool:
    return all(
        key not in scope
        or (scope[key].is_same(selected) and _agree(scope[key].scope, selected.scope))
        for key, selected in other.items()
    )


def _literal(value: Any) -> str:
    if isinstance(value, _Name):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(item)}" for name, item in value.items()) + "}"
    return json.dumps(value)


def _as_json(value: Any) -> Any:
    """Return a value with only the types of JSON."""
    return json.loads(json.dumps(value))
