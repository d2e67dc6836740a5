"""What any OPS must be able to do for us; the simulator and the real one are both behind this."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from models import OpsRemoteStatus

__all__ = ["Accepted", "FailureKind", "Json", "OpsClient", "OpsFailure", "StatusReport"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class FailureKind(StrEnum):
    """Why a communication with OPS did not succeed."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    CIRCUIT_OPEN = "circuit_open"
    LOST = "lost"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self not in {FailureKind.REJECTED, FailureKind.NOT_FOUND}


class OpsFailure(Exception):
    """OPS did not do what it was asked; ``response`` is what it answered, if it answered."""

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
        """Whether the same call may succeed later; otherwise it was refused for good."""
        return self.kind.retryable


@dataclass(frozen=True, slots=True)
class Accepted:
    """OPS has the ticket, under a reference of its own; the same key gets the same reference."""

    reference: str
    remote_status: OpsRemoteStatus
    response: Json


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What OPS says about a ticket that it has."""

    reference: str
    status: OpsRemoteStatus
    response: Json


class OpsClient(Protocol):
    """An OPS. All methods raise OpsFailure; how long a call may take is the caller's to limit."""

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Hand over a ticket (JSON text); calling again with the same key changes nothing."""

    async def status(self, reference: str) -> StatusReport:
        """Ask how far a ticket is that OPS has accepted."""

    async def close(self) -> None:
        """Give back what the client holds."""
