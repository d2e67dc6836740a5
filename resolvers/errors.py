"""Errors that the client can fix: each has a class, a code, a message and a path in the input."""

from collections.abc import Sequence
from enum import StrEnum

from models import Ticket


class ErrorCode(StrEnum):
    """Reason why an operation failed."""

    REQUIRED = "required"
    INVALID = "invalid"
    TOO_LONG = "too_long"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    VERSION_CONFLICT = "version_conflict"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    INVALID_STATE = "invalid_state"
    NOT_SENT = "not_sent"
    OPS_UNAVAILABLE = "ops_unavailable"
    OPS_TIMEOUT = "ops_timeout"
    OPS_REJECTED = "ops_rejected"
    OPS_CIRCUIT_OPEN = "ops_circuit_open"


class ApiError(Exception):
    """One error that the client can fix.

    ``path`` locates the argument, in snake case from the outermost name inwards; it is
    empty if the error concerns the whole call.
    """

    # Whether the message can name arguments, which GraphQL shows in camel case.
    names_arguments = True

    def __init__(self, code: ErrorCode, message: str, *path: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


class InvalidInput(ApiError):
    """An invalid argument: REQUIRED, INVALID or TOO_LONG."""


class NotFound(ApiError):
    """No object has this id, or the caller may not see it."""

    def __init__(self, kind: str, id: str, *path: str) -> None:
        super().__init__(ErrorCode.NOT_FOUND, f"There is no {kind} with this id.", *path)
        self.id = id


class Conflict(ApiError):
    """The current state does not allow the operation; ``current`` is the current ticket."""

    def __init__(
        self, code: ErrorCode, message: str, *path: str, current: Ticket | None = None
    ) -> None:
        super().__init__(code, message, *path)
        self.current = current


class OpsRequestFailed(ApiError):
    """OPS failed or refused a request; ``retryable`` if the delivery is still being retried."""

    names_arguments = False

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *path: str,
        retryable: bool = False,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(code, message, *path)
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class ApiErrors(Exception):
    """Several errors of one call, reported together."""

    def __init__(self, errors: Sequence[ApiError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = tuple(errors)
