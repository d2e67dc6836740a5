"""Compare two results of one operation (GraphQL specification, section 6.4.4).

The data must be equal to the byte, because the order of the keys is part of a result. The errors
can differ: if several errors make the same place null, a server may report any of them.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson
from graphql import ExecutionResult, GraphQLError

ResponsePath: TypeAlias = tuple[str | int, ...]
ErrorSummary: TypeAlias = tuple[Any, ...]


def serialized_data(result: ExecutionResult) -> bytes:
    """Return the bytes of the data in a response."""
    return orjson.dumps(result.data, option=orjson.OPT_UTC_Z)


def null_paths(result: ExecutionResult) -> set[ResponsePath]:
    """Return the paths at which errors made the data null."""
    return {_null_path(result.data, error.path or []) for error in result.errors or []}


def error_summaries(result: ExecutionResult) -> set[ErrorSummary]:
    """Return what identifies the errors: path, message, places in the document, class."""
    return {_error_summary(error) for error in result.errors or []}


def _null_path(data: Any, path: Sequence[str | int]) -> ResponsePath:
    for depth, key in enumerate(path):
        if data is None:
            return tuple(path[:depth])
        data = data[key]
    return tuple(path)


def _error_summary(error: GraphQLError) -> ErrorSummary:
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error:
        original = original.original_error
    locations = tuple((location.line, location.column) for location in error.locations or ())
    return (tuple(error.path or ()), error.message, locations, type(original).__name__)
