"""Decorator for resolvers that the engine may call without Strawberry, and their contract.

The signature of a marked resolver is checked when the schema is prepared:

- ``info`` is annotated with `schema.common.node.Info`, which provides only the context;
- input objects are annotated as dictionaries, with their class as ``graphql_type``;
- Strawberry passes the values of all other arguments unchanged;
- only the resolver of a root field is a coroutine function.

The author guarantees the rest. Below a root field, the resolver is free of side effects, because it
may be called twice. It reads only columns of its parent and does not look at their values,
because one call can represent many rows.

Strawberry calls a marked resolver if the field has permission classes, or if the shortcuts are
off. The resolver then receives the same values as from the engine.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import MISSING, dataclass
from functools import wraps
from types import FunctionType, UnionType
from typing import Annotated, Any, ParamSpec, TypeVar, Union, cast, get_args, get_origin, overload

from graphql import GraphQLField, get_named_type, is_input_object_type
from strawberry.relay import GlobalID
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from engine.arguments.fast_resolvers import has_input_objects
from schema.common.inputs import as_data
from schema.common.node import RequestInfo

__all__ = [
    "DEFINITION",
    "Mark",
    "UnsupportedSchema",
    "adapt",
    "check_contract",
    "fast_resolver",
    "mark_of",
]

P = ParamSpec("P")
R = TypeVar("R")

# Key of Strawberry's definition in the extensions of graphql-core's types, fields and arguments.
DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
_MARK = "__fast_resolver__"


class UnsupportedSchema(Exception):
    """The schema uses a feature that the engine would silently ignore."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Data that `fast_resolver` attaches to the function that it returns."""

    # As written by the author; the engine calls it.
    function: Callable[..., Any]
    # As returned by the decorator; Strawberry calls it.
    decorated: Callable[..., Any]
    same_as_column: bool


@overload
def fast_resolver(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def fast_resolver(*, same_as_column: bool) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def fast_resolver(function: Any = None, /, *, same_as_column: bool = False) -> Any:
    """Mark a resolver that the engine may call without Strawberry. Apply it last, on top.

    With ``same_as_column``, the engine may instead read the column with the field's Python name.
    """
    if function is None:
        return lambda decorated: _marked(decorated, same_as_column=same_as_column)
    return _marked(function, same_as_column=same_as_column)


def _marked(function: Callable[..., Any], *, same_as_column: bool) -> Callable[..., Any]:
    """Return the function for Strawberry; it converts input classes to dictionaries."""

    @wraps(function)
    def resolver(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{name: as_data(value) for name, value in kwargs.items()})

    # Strawberry treats a resolver as asynchronous if it is a coroutine function.
    @wraps(function)
    async def async_resolver(*args: Any, **kwargs: Any) -> Any:
        return await cast("Awaitable[Any]", resolver(*args, **kwargs))

    decorated = async_resolver if inspect.iscoroutinefunction(function) else resolver
    setattr(decorated, _MARK, Mark(function, decorated, same_as_column))
    return decorated


def mark_of(coordinate: str, resolver: StrawberryResolver[Any]) -> Mark | None:
    """Return the mark of a resolver, or None; raises UnsupportedSchema."""
    mark: Mark | None = getattr(resolver.wrapped_func, _MARK, None)
    if mark is not None and mark.decorated is not resolver.wrapped_func:
        # `functools.wraps` copies the mark. The engine would skip the decorator on top of it.
        raise UnsupportedSchema(
            f"{coordinate}: a decorator is applied on top of @fast_resolver, and the engine would"
            " not call it. Make @fast_resolver the topmost decorator."
        )
    return mark


def check_contract(
    coordinate: str,
    field: GraphQLField,
    resolver: StrawberryResolver[Any],
    function: Callable[..., Any],
    *,
    is_root: bool,
) -> None:
    """Raise UnsupportedSchema if the engine cannot call a marked resolver with its signature."""
    if not isinstance(function, FunctionType):
        raise UnsupportedSchema(
            f"{coordinate}: @fast_resolver marks {function!r}, which is not a plain function."
            " Remove the decorator; Strawberry can call it."
        )
    if not is_root and inspect.iscoroutinefunction(function):
        raise UnsupportedSchema(
            f"{coordinate}: @fast_resolver marks a coroutine function, and the engine awaits only"
            " the resolvers of root fields. Return a query or a value without await, or remove the"
            " decorator."
        )
    info = resolver.info_parameter
    if info is not None and _annotation(resolver, info) is not RequestInfo:
        raise UnsupportedSchema(
            f"{coordinate}: a resolver marked with @fast_resolver receives only the context."
            f" Annotate `{info.name}` with schema.common.node.Info, or remove the decorator."
        )
    for name, argument in field.args.items():
        definition: StrawberryArgument = argument.extensions[DEFINITION]
        if has_input_objects(argument.type):
            parameter = resolver.signature.parameters[definition.python_name]
            _check_dictionary(coordinate, name, _annotation(resolver, parameter))
            _check_input(coordinate, get_named_type(argument.type), set())
        elif _is_converted(definition.type):
            raise UnsupportedSchema(
                f"{coordinate}: Strawberry converts the values of the argument {name}. A resolver"
                " marked with @fast_resolver would receive them unconverted. Remove the decorator."
            )


def _annotation(resolver: StrawberryResolver[Any], parameter: inspect.Parameter) -> Any:
    """Return the type of a parameter, without its metadata and without None."""
    annotation = resolver.strawberry_annotations[parameter]
    found: Any = annotation.evaluate() if annotation is not None else None
    if get_origin(found) is Annotated:
        found = get_args(found)[0]
    if get_origin(found) in {Union, UnionType}:
        members = [member for member in get_args(found) if member is not type(None)]
        found = members[0] if len(members) == 1 else found
    return found


def _check_dictionary(coordinate: str, name: str, annotation: Any) -> None:
    item = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if get_origin(item) is not dict:
        raise UnsupportedSchema(
            f"{coordinate}: a resolver marked with @fast_resolver receives input objects as"
            f" dictionaries. Annotate `{name}` with schema.common.inputs.Data and its class as"
            " graphql_type, or remove the decorator."
        )


def _check_input(coordinate: str, input_type: Any, seen: set[str]) -> None:
    """Raise UnsupportedSchema if Strawberry's instances have values that dictionaries lack."""
    if not is_input_object_type(input_type) or input_type.name in seen:
        return
    seen.add(input_type.name)
    if input_type.extensions[DEFINITION].from_input is not None:
        raise UnsupportedSchema(
            f"{coordinate}: {input_type.name} builds its own instances, and a resolver marked with"
            " @fast_resolver receives dictionaries. Remove the decorator."
        )
    for name, field in input_type.fields.items():
        definition: StrawberryField = field.extensions[DEFINITION]
        has_no_default = definition.default is MISSING and definition.default_factory is MISSING
        if has_no_default and type(definition.type) is StrawberryOptional:
            raise UnsupportedSchema(
                f"{coordinate}: a resolver marked with @fast_resolver cannot tell an absent"
                f" {input_type.name}.{name} from null. Give the field a default,"
                " strawberry.UNSET for none, or remove the decorator."
            )
        _check_input(coordinate, get_named_type(field.type), seen)


def _is_converted(argument_type: Any) -> bool:
    """Return whether Strawberry converts the values that graphql-core has coerced."""
    while True:
        if isinstance(argument_type, StrawberryMaybe) or argument_type is GlobalID:
            return True
        if not hasattr(argument_type, "of_type"):
            return False
        argument_type = argument_type.of_type


def adapt(function: Callable[..., Any], resolver: StrawberryResolver[Any]) -> Callable[..., Any]:
    """Return a function with the engine's signature: parent, info, and arguments by keyword.

    The parent and the info are positional, so that an argument may have any name.
    """
    found = (resolver.self_parameter, resolver.parent_parameter, resolver.root_parameter)
    parents = [parameter.name for parameter in found if parameter is not None]
    info = resolver.info_parameter.name if resolver.info_parameter else None
    match list(resolver.signature.parameters)[:2]:
        case [first, second] if [first] == parents and second == info:
            return function
        case [first, *_] if [first] == parents and info is None:
            return lambda source, _info, /, **arguments: function(source, **arguments)
        case [first, *_] if first == info and not parents:
            return lambda _source, info, /, **arguments: function(info, **arguments)
    if not parents and info is None:

        def call_with_arguments(_source: Any, _info: Any, /, **arguments: Any) -> Any:
            return function(**arguments)

        return call_with_arguments

    def call(source: Any, info_value: Any, /, **arguments: Any) -> Any:
        arguments |= dict.fromkeys(parents, source)
        if info is not None:
            arguments[info] = info_value
        return function(**arguments)

    return call
