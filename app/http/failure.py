"""Failures of the server: log the details, and hide them from the client."""

import logging
from typing import Any, NamedTuple

from app.config.log_line_limit import UNAUTHENTICATED_LINES
from engine.database.errors import (
    QUERY_CANCELED,
    READ_ONLY,
    Overloaded,
    is_unavailable,
    sqlstate,
)
from engine.database.outages import OUTAGE

__all__ = ["Failure", "report_failure"]

_UNAVAILABLE = "The database is unavailable. Try again later."
_NO_CHANGES = "The database is read-only at the moment. Try again later."

_logger = logging.getLogger(__name__)


class Failure(NamedTuple):
    """Code and message of a failure for the client; they contain no internal details."""

    code: str
    message: str


def report_failure(
    error: BaseException, *, request_id: str, unknown_address: str | None = None, **fields: Any
) -> Failure:
    """Log an exception that is not the client's fault, and return its code and message.

    An outage of the database is logged once for all requests. Refusals of requests whose caller is
    not authenticated are logged within the limit of their ``unknown_address``.
    """
    log_fields: dict[str, Any] = {"request_id": request_id, **fields}
    if isinstance(error, Overloaded):
        log_fields["error"] = type(error).__name__
        if unknown_address is None:
            _logger.warning("request refused", extra={"fields": log_fields})
        else:
            UNAUTHENTICATED_LINES.log(
                _logger, logging.WARNING, "request refused", log_fields, address=unknown_address
            )
        return Failure("SERVICE_UNAVAILABLE", str(error))
    if is_unavailable(error):
        if sqlstate(error) == READ_ONLY:
            # The pool logs it.
            return Failure("SERVICE_UNAVAILABLE", _NO_CHANGES)
        OUTAGE.report(error, **log_fields)
        return Failure("SERVICE_UNAVAILABLE", _UNAVAILABLE)
    if sqlstate(error) == QUERY_CANCELED:
        return Failure("TIMEOUT", "The operation timed out. Request less data, or try again later.")
    _logger.error("request failed", exc_info=error, extra={"fields": log_fields})
    return Failure("INTERNAL", f"Internal server error. Report request id {request_id}.")
