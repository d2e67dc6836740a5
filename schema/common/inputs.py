"""Arguments and input objects as dictionaries of the values that the client sent."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeAlias

import strawberry
from strawberry.types.base import (
    StrawberryMaybe,
    StrawberryObjectDefinition,
    get_object_definition,
)
from strawberry.types.field import StrawberryField

# An input object as a resolver marked with `fast_resolver` receives it: the fields that the
# client sent, or that have a default, by their Python names.
Data: TypeAlias = dict[str, Any]

IDEMPOTENCY_KEY = (
    "Key of the client's choice: 1 to 255 characters. If the caller repeats the mutation with the"
    " same key and input, it returns the first result; with another input it fails with"
    " IDEMPOTENCY_KEY_REUSED. A key is kept for 24 hours, unless IDEMPOTENCY_KEY_TTL_HOURS is set."
)


def input_object(graphql_type: Any, description: str = "Input of the mutation.") -> Any:
    """Return the annotation of a `Data` parameter whose GraphQL type is this input class."""
    return strawberry.argument(graphql_type=graphql_type, description=description)


def without_unset(**arguments: Any) -> dict[str, Any]:
    """Return the arguments without those that the client did not send."""
    return {name: value for name, value in arguments.items() if value is not strawberry.UNSET}


def input_key(field: StrawberryField) -> str:
    """Return the key of an input field in a dictionary.

    The Python name of a field that is named like a keyword ends in an underscore.
    """
    return field.python_name.rstrip("_")


def as_data(value: Any) -> Any:
    """Return instances of Strawberry's input classes as dictionaries, other values unchanged."""
    if isinstance(value, list):
        return [as_data(item) for item in value] if _has_inputs(value) else value
    if isinstance(value, strawberry.Some):
        return as_data(value.value)
    definition = get_object_definition(value)
    if definition is None or not definition.is_input:
        return value
    return dict(_set_fields(definition, value))


def _has_inputs(values: list[Any]) -> bool:
    """Return whether the items of a list are input objects; in a JSON value none is."""
    kinds = set(map(type, values))
    if any(kind is strawberry.Some or get_object_definition(kind) for kind in kinds):
        return True
    if list not in kinds:
        return False
    return _has_inputs([*chain.from_iterable(item for item in values if isinstance(item, list))])


def _set_fields(definition: StrawberryObjectDefinition, instance: Any) -> Iterator[tuple[str, Any]]:
    for field in definition.fields:
        value = getattr(instance, field.python_name)
        is_absent = value is None and isinstance(field.type, StrawberryMaybe)
        if value is not strawberry.UNSET and not is_absent:
            yield input_key(field), as_data(value)
