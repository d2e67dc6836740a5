"""What a caller can mend: each failure has a class, a code, words and a place in the input."""

from collections.abc import Sequence
from enum import StrEnum

from models import Ticket


class ErrorCode(StrEnum):
    """Why the API did not do what it was asked."""

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
    """One thing that the caller can mend.

    ``path`` is where in the arguments it lies, in snake case, from the outermost
    name on; it is empty where it concerns the whole call.
    """

    def __init__(self, code: ErrorCode, message: str, *path: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


class InvalidInput(ApiError):
    """An argument that cannot be used: REQUIRED, INVALID or TOO_LONG."""


class NotFound(ApiError):
    """There is nothing with this id, or the caller may not see it."""

    def __init__(self, kind: str, id: str, *path: str) -> None:  # the domain's word
        super().__init__(ErrorCode.NOT_FOUND, f"There is no {kind} with this id.", *path)
        self.id = id


class Conflict(ApiError):
    """What is asked does not fit what is there; ``current`` is the ticket as it is now."""

    def __init__(
        self, code: ErrorCode, message: str, *path: str, current: Ticket | None = None
    ) -> None:
        super().__init__(code, message, *path)
        self.current = current


class OpsRequestFailed(ApiError):
    """OPS did not do its part; ``retryable`` while the delivery goes on being tried."""

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
    """Several errors of one call, all told at once."""

    def __init__(self, errors: Sequence[ApiError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = tuple(errors)
