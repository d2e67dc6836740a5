"""Count and log fallbacks: operations that graphql-core executed, at least in part."""

import logging
from collections import Counter
from enum import StrEnum

from engine.documents.prepared import Middleware, PreparedOperation

__all__ = [
    "FALLBACKS",
    "Fallback",
    "FallbackReason",
    "middleware_reason",
    "record_fallback",
]

_logger = logging.getLogger(__name__)


class FallbackReason(StrEnum):
    """Reason why graphql-core executes an operation, or a part of it."""

    # A field has a resolver that only Strawberry can call, or one that is a coroutine function.
    RESOLVER = "resolver"
    # A field cannot be read from a column: its type or its nullability is not the column's.
    COLUMN = "column"
    # The type of an object is found at run time: an interface, a union, `is_type_of`.
    TYPE = "type"
    # An operation directive is applied, or @skip or @include is null.
    DIRECTIVE = "directive"
    # The schema has an extension that wraps all resolvers.
    EXTENSION = "extension"
    INTROSPECTION = "introspection"
    # A resolver raised an error, or an argument or a value is invalid.
    ERROR = "error"
    # The shortcuts are switched off.
    DISABLED = "disabled"


class Fallback(Exception):
    """Only graphql-core can execute a field; ``detail`` names the field or its type."""

    def __init__(self, reason: FallbackReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


def middleware_reason(middleware: Middleware) -> FallbackReason:
    """Return why an operation has functions that wrap its resolvers."""
    if middleware.directives is None:
        return FallbackReason.EXTENSION
    return FallbackReason.DIRECTIVE


# Operations that fell back since the process started, by the first reason of each.
FALLBACKS: Counter[FallbackReason] = Counter()


def record_fallback(operation: PreparedOperation, fallback: Fallback) -> None:
    """Count a fallback, and log the first one of each prepared operation at debug level."""
    FALLBACKS[fallback.reason] += 1
    if operation.has_fallen_back:
        return
    operation.has_fallen_back = True
    fields = {
        "operation": operation.name,
        "reason": fallback.reason.value,
        "detail": fallback.detail,
    }
    _logger.debug("operation executed by graphql-core", extra={"fields": fields})
