"""Every top-level error with its code: what the client can mend as it is, what is ours masked.

The codes are one list, documented in the README. A fault of ours is INTERNAL with
the request id and nothing else outside, and whole in the log.
"""

import logging
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from engine.database.errors import is_unavailable, sqlstate
from engine.streaming.subscriber import SlowConsumer
from resolvers.errors import ApiError
from resolvers.tables import event_cursor, graphql_name
from schema.common.errors import message_of

__all__ = [
    "codes_of",
    "request_error",
    "shown",
    "shown_errors",
    "shown_fault",
    "without_suggestions",
]

_logger = logging.getLogger(__name__)

_QUERY_CANCELED = "57014"
# graphql-core repeats what it was sent, however long that is.
MAX_MESSAGE_LENGTH = 1_000

Shown = dict[str, Any]


def request_error(code: str, message: str) -> Shown:
    """Return an error of the request as a whole."""
    return {"message": message, "extensions": {"code": code}}


def shown(errors: Sequence[GraphQLError], code: str) -> list[Shown]:
    """Return the errors of a document or of its variables, which all have one code."""
    return [_with_code(error, code) for error in errors]


def shown_errors(errors: Sequence[GraphQLError], *, request_id: str) -> list[Shown]:
    """Return the errors of an execution; what is unexpected goes to the log."""
    return [_shown_error(error, request_id) for error in errors]


def shown_fault(error: Exception, *, request_id: str) -> list[Shown]:
    """Return what ends a whole operation, in place of its answer, as its one error."""
    return shown_errors([GraphQLError(str(error), original_error=error)], request_id=request_id)


def without_suggestions(errors: Sequence[Shown]) -> list[Shown]:
    """Return errors that name nothing of the schema but what was asked for."""
    return [
        {**error, "message": error["message"].partition(" Did you mean")[0]} for error in errors
    ]


def codes_of(errors: Sequence[Shown]) -> tuple[str, ...]:
    """Return the codes, each once, in their order."""
    return tuple(dict.fromkeys(error["extensions"]["code"] for error in errors))


def _shown_error(error: GraphQLError, request_id: str) -> Shown:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if original is None:
        # graphql-core's own: an argument that cannot be coerced.
        return _with_code(error, "BAD_USER_INPUT")
    if isinstance(original, ApiError):
        masked = _masked(error, "BAD_USER_INPUT", message_of(original))
        masked["extensions"]["argument"] = [graphql_name(name) for name in original.path]
        return masked
    if isinstance(original, SlowConsumer):
        message = "The events came faster than they were taken. Go on after lastCursor."
        masked = _masked(error, "TOO_SLOW", message)
        masked["extensions"]["lastCursor"] = event_cursor(*original.position)
        return masked
    fields = {"fields": {"request_id": request_id, "path": error.path}}
    if isinstance(original, TimeoutError) or sqlstate(original) == _QUERY_CANCELED:
        return _masked(error, "TIMEOUT", "The operation ran out of its time.")
    if is_unavailable(original):
        name = type(original.__cause__ or original).__name__
        _logger.warning("the database is away: %s", name, extra=fields)
        return _masked(error, "SERVICE_UNAVAILABLE", "The database did not answer. Try again.")
    _logger.error("unexpected exception", exc_info=original, extra=fields)
    masked = _masked(error, "INTERNAL", "Something went wrong here; it is in the log.")
    masked["extensions"]["requestId"] = request_id
    return masked


def _with_code(error: GraphQLError, code: str) -> Shown:
    return _masked(error, code, error.message)


def _masked(error: GraphQLError, code: str, message: str) -> Shown:
    if len(message) > MAX_MESSAGE_LENGTH:
        message = message[: MAX_MESSAGE_LENGTH - 1] + "…"
    masked: Shown = {"message": message}
    if error.locations:
        masked["locations"] = [
            {"line": place.line, "column": place.column} for place in error.locations
        ]
    if error.path is not None:
        masked["path"] = error.path
    masked["extensions"] = {"code": code}
    return masked
