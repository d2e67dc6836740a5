"""When two answers to one operation are the same (GraphQL, section 6.4.4).

The data must be, to the byte: the order of the keys is part of an answer. Of the
errors it is left open which one is told where several make the same place null.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson
from graphql import ExecutionResult, GraphQLError

Place: TypeAlias = tuple[str | int, ...]
Told: TypeAlias = tuple[Any, ...]


def written(result: ExecutionResult) -> bytes:
    """Return the data as it is sent."""
    return orjson.dumps(result.data, option=orjson.OPT_UTC_Z)


def nulled(result: ExecutionResult) -> set[Place]:
    """Return the outermost places that errors made null."""
    return {_nulled(result.data, error.path or []) for error in result.errors or []}


def told(result: ExecutionResult) -> set[Told]:
    """Return what is told of the errors."""
    return {_told(error) for error in result.errors or []}


def _nulled(data: Any, path: Sequence[str | int]) -> Place:
    for depth, key in enumerate(path):
        if data is None:
            return tuple(path[:depth])
        data = data[key]
    return tuple(path)


def _told(error: GraphQLError) -> Told:
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error:
        original = original.original_error
    places = tuple((place.line, place.column) for place in error.locations or ())
    return (tuple(error.path or ()), error.message, places, type(original).__name__)
