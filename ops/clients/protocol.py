"""The interface of an OPS client. The HTTP client and the simulator implement it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from models import OpsRemoteStatus

__all__ = ["Accepted", "FailureKind", "Json", "OpsClient", "OpsFailure", "StatusReport"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class FailureKind(StrEnum):
    """Why a call of OPS failed."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    CIRCUIT_OPEN = "circuit_open"
    # The process that made the attempt ended before it recorded the outcome.
    LOST = "lost"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self not in {FailureKind.REJECTED, FailureKind.NOT_FOUND}


class OpsFailure(Exception):
    """A call of OPS failed. ``response`` is the response of OPS, or None if there was none."""

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        response: Json = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.response = response
        self.retry_after_s = retry_after_s

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later; otherwise the rejection is final."""
        return self.kind.retryable


@dataclass(frozen=True, slots=True)
class Accepted:
    """OPS accepted the ticket under this reference; a repeated key gets the same reference."""

    reference: str
    remote_status: OpsRemoteStatus
    response: Json


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of an accepted ticket, as OPS reports it."""

    reference: str
    status: OpsRemoteStatus
    response: Json


class OpsClient(Protocol):
    """A client of OPS. Its methods raise OpsFailure; the caller sets the timeout of a call."""

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Send a ticket (JSON text). A repeated call with the same key changes nothing."""

    async def status(self, reference: str) -> StatusReport:
        """Return the status of a ticket that OPS has accepted."""

    async def close(self) -> None:
        """Release connections and other resources."""
