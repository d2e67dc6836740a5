"""Format GraphQL errors: each top-level error has a code, and internal details are masked.

docs/reference/errors.md lists the codes. An INTERNAL error contains the request id only; the log
has the exception.
"""

import re
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from app.http.answer_size import answer_too_large
from app.http.failure import report_failure
from engine.errors import delete_tracebacks
from engine.projection.response_size import ResponseTooLarge
from engine.streaming.lost_history import HistoryLost
from engine.streaming.subscriber import SlowConsumer
from resolvers.errors import ApiError
from resolvers.tables import event_cursor, graphql_name
from schema.common.errors import message_of

__all__ = [
    "FormattedError",
    "codes_of",
    "format_errors",
    "format_exception",
    "format_execution_errors",
    "request_error",
    "without_suggestions",
]

# Messages of graphql-core can repeat values from the request, which may be very long.
MAX_MESSAGE_LENGTH = 1_000
# graphql-core writes values as in Python. Texts and names are in quotes.
_QUOTED_OR_WORD = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.$])(?:None|True|False)(?!\w)""", re.DOTALL
)
_EVENTS_LOST = (
    "The database has lost committed changes, in a failover or a restore. Read the current state,"
    " and subscribe without a cursor."
)
_JSON_WORDS = {"None": "null", "True": "true", "False": "false"}

FormattedError = dict[str, Any]


def request_error(code: str, message: str) -> FormattedError:
    """Return an error that concerns the request as a whole."""
    return {"message": message, "extensions": {"code": code}}


def format_errors(errors: Sequence[GraphQLError], code: str) -> list[FormattedError]:
    """Format the errors of a document or of its variables, all with the same code."""
    return [_format(error, code, _in_words_of_json(error.message)) for error in errors]


def format_execution_errors(
    errors: Sequence[GraphQLError], *, request_id: str
) -> list[FormattedError]:
    """Format the errors of an execution, and log those that are not the client's fault.

    Their tracebacks are deleted: the frames refer to the execution and its tasks, and these to the
    errors. The garbage collector would stop everything to find such cycles of many requests.
    """
    formatted = [_format_execution_error(error, request_id) for error in errors]
    for error in errors:
        delete_tracebacks(error)
    return formatted


def format_exception(error: Exception, *, request_id: str) -> list[FormattedError]:
    """Format an exception that ended an operation without a result, as the only error."""
    graphql_error = GraphQLError(str(error), original_error=error)
    return format_execution_errors([graphql_error], request_id=request_id)


def without_suggestions(errors: Sequence[FormattedError]) -> list[FormattedError]:
    """Remove graphql-core's suggestions, which reveal names of the schema."""
    return [
        {**error, "message": error["message"].partition(" Did you mean")[0]} for error in errors
    ]


def codes_of(errors: Sequence[FormattedError]) -> tuple[str, ...]:
    """Return the distinct codes in order of appearance."""
    return tuple(dict.fromkeys(error["extensions"]["code"] for error in errors))


def _format_execution_error(error: GraphQLError, request_id: str) -> FormattedError:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if original is None:
        # An error of graphql-core itself: it could not coerce an argument.
        return _format(error, "BAD_USER_INPUT", _in_words_of_json(error.message))
    if isinstance(original, ApiError):
        formatted = _format(error, "BAD_USER_INPUT", message_of(original))
        formatted["extensions"]["argument"] = [graphql_name(name) for name in original.path]
        return formatted
    if isinstance(original, ResponseTooLarge):
        return _format(error, "RESPONSE_TOO_LARGE", answer_too_large(original))
    if isinstance(original, (SlowConsumer, HistoryLost)):
        return _format_end_of_feed(error, original)
    if isinstance(original, TimeoutError):
        message = "The operation timed out. Request less data, or try again later."
        return _format(error, "TIMEOUT", message)
    failure = report_failure(original, request_id=request_id, path=error.path)
    formatted = _format(error, failure.code, failure.message)
    if failure.code == "INTERNAL":
        formatted["extensions"]["requestId"] = request_id
    return formatted


def _format_end_of_feed(
    error: GraphQLError, original: SlowConsumer | HistoryLost
) -> FormattedError:
    if isinstance(original, HistoryLost):
        return _format(error, "EVENTS_LOST", _EVENTS_LOST)
    message = "The client reads events too slowly. Subscribe again after lastCursor."
    formatted = _format(error, "TOO_SLOW", message)
    formatted["extensions"]["lastCursor"] = event_cursor(*original.position)
    return formatted


def _in_words_of_json(message: str) -> str:
    # Longer than the rest of the message is allowed to be, so that it is cut and marked later.
    shown = message[: MAX_MESSAGE_LENGTH + 1]
    return _QUOTED_OR_WORD.sub(lambda found: _JSON_WORDS.get(found[0], found[0]), shown)


def _format(error: GraphQLError, code: str, message: str) -> FormattedError:
    if len(message) > MAX_MESSAGE_LENGTH:
        message = message[: MAX_MESSAGE_LENGTH - 1] + "…"
    formatted: FormattedError = {"message": message}
    if error.locations:
        formatted["locations"] = [
            {"line": location.line, "column": location.column} for location in error.locations
        ]
    if error.path is not None:
        formatted["path"] = error.path
    formatted["extensions"] = {"code": code}
    return formatted
