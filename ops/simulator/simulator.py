"""An OPS of our own: a pure function of its settings, of what it is given, and of the time.

The reference comes from the idempotency key, so that the same key is the same
ticket after a restart and in every process. Whether a call fails comes from the
seed, the key and the attempt; whether a ticket is refused for good from the seed
and the key. The remote status comes from the time since OPS accepted: that is
read from the key, which for our deliveries is a UUIDv7, and carried on in the
reference.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from models import OpsRemoteStatus
from ops.clients.protocol import Accepted, FailureKind, OpsFailure, StatusReport

__all__ = ["Simulator", "SimulatorSettings", "chance", "reference_of", "remote_status"]

IN_PROGRESS_AFTER_S = 10.0
COMPLETED_AFTER_S = 60.0

_REFERENCE = re.compile(r"SIM-([0-9A-F]{12})-[0-9A-F]{16}")
_UUID_VERSION_WITH_TIME = 7


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """How slow and how unreliable the simulated OPS is; rates are shares from 0 to 1."""

    latency_ms: int = 50
    failure_rate: float = 0.0
    reject_rate: float = 0.0
    seed: int = 0


class Simulator:
    """The simulated OPS behind the protocol of `ops.client.OpsClient`."""

    def __init__(
        self, settings: SimulatorSettings, *, now_s: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._now_s = now_s

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Accept, fail or refuse, always in the same way for the same key and attempt."""
        del payload  # whatever the ticket is, OPS takes it
        await self._take_time()
        settings = self.settings
        if chance(settings.seed, "reject", key) < settings.reject_rate:
            message = "OPS refused the ticket for good"
            raise OpsFailure(FailureKind.REJECTED, message, response={"error": "ticket refused"})
        if chance(settings.seed, "fail", key, str(attempt)) < settings.failure_rate:
            raise _unavailable()
        reference = reference_of(key)
        status = remote_status(reference, now_s=self._now_s())
        return Accepted(reference, status, {"reference": reference, "status": status.value})

    async def status(self, reference: str) -> StatusReport:
        """Tell the status by the time since OPS accepted; calls of one second fail together."""
        await self._take_time()
        settings, now_s = self.settings, self._now_s()
        if _REFERENCE.fullmatch(reference) is None:
            message = "OPS knows no ticket of this reference"
            raise OpsFailure(FailureKind.NOT_FOUND, message, response={"error": "not found"})
        if chance(settings.seed, "status", reference, str(int(now_s))) < settings.failure_rate:
            raise _unavailable()
        status = remote_status(reference, now_s=now_s)
        return StatusReport(reference, status, {"reference": reference, "status": status.value})

    async def close(self) -> None:
        """Hold nothing, give nothing back."""

    async def _take_time(self) -> None:
        if self.settings.latency_ms:
            await asyncio.sleep(self.settings.latency_ms / 1_000)


def chance(seed: int, *words: str) -> float:
    """Return a number from 0 up to 1 that is always the same for the same seed and words."""
    digest = blake2b("\0".join((str(seed), *words)).encode(), digest_size=7).digest()
    # 53 bits, as many as a float holds: so that no digest is rounded up to 1.
    return (int.from_bytes(digest, "big") >> 3) / 2**53


def reference_of(key: str) -> str:
    """Return the one reference under which OPS has, or would have, the ticket of this key."""
    digest = blake2b(key.encode(), digest_size=8).hexdigest()
    return f"SIM-{_time_ms_of(key):012X}-{digest.upper()}"


def remote_status(reference: str, *, now_s: float) -> OpsRemoteStatus:
    """Return how far a ticket of this reference is: received, then in progress, then completed."""
    found = _REFERENCE.fullmatch(reference)
    age_s = now_s - (int(found[1], 16) / 1_000 if found else 0.0)
    if age_s < IN_PROGRESS_AFTER_S:
        return OpsRemoteStatus.RECEIVED
    if age_s < COMPLETED_AFTER_S:
        return OpsRemoteStatus.IN_PROGRESS
    return OpsRemoteStatus.COMPLETED


def _time_ms_of(key: str) -> int:
    """Return the time in a UUIDv7 (RFC 9562, section 5.7); any other key is as old as can be."""
    try:
        uuid = UUID(key)
    except ValueError:
        return 0
    return uuid.int >> 80 if uuid.version == _UUID_VERSION_WITH_TIME else 0


def _unavailable() -> OpsFailure:
    message = "OPS is unavailable"
    return OpsFailure(FailureKind.UNAVAILABLE, message, response={"error": "unavailable"})
