"""Simulated OPS: a pure function of its settings, its input and the time.

- The reference is derived from the idempotency key, so that a key means the same ticket
  in every process and after a restart.
- Whether a call fails depends on the seed, the key and the attempt; whether a ticket is
  rejected depends on the seed and the key.
- The status depends on the time since OPS accepted the ticket. The time of acceptance is read
  from the key, which for our deliveries is a UUIDv7, and is part of the reference.
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
    """Latency and failure rates of the simulated OPS; rates are shares from 0 to 1."""

    latency_ms: int = 50
    failure_rate: float = 0.0
    reject_rate: float = 0.0
    seed: int = 0


class Simulator:
    """An OpsClient that simulates OPS."""

    def __init__(
        self, settings: SimulatorSettings, *, now_s: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._now_s = now_s

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Accept, fail or reject, always in the same way for the same key and attempt."""
        del payload  # OPS accepts any ticket
        await self._wait()
        settings = self.settings
        if chance(settings.seed, "reject", key) < settings.reject_rate:
            message = "OPS rejected the ticket"
            raise OpsFailure(FailureKind.REJECTED, message, response={"error": "ticket refused"})
        if chance(settings.seed, "fail", key, str(attempt)) < settings.failure_rate:
            raise _unavailable()
        reference = reference_of(key)
        status = remote_status(reference, now_s=self._now_s())
        return Accepted(reference, status, {"reference": reference, "status": status.value})

    async def status(self, reference: str) -> StatusReport:
        """Return the status, or fail; all calls within one second fail together."""
        await self._wait()
        settings, now_s = self.settings, self._now_s()
        if _REFERENCE.fullmatch(reference) is None:
            message = "OPS does not know this reference"
            raise OpsFailure(FailureKind.NOT_FOUND, message, response={"error": "not found"})
        if chance(settings.seed, "status", reference, str(int(now_s))) < settings.failure_rate:
            raise _unavailable()
        status = remote_status(reference, now_s=now_s)
        return StatusReport(reference, status, {"reference": reference, "status": status.value})

    async def close(self) -> None:
        """Do nothing: the simulator holds no resources."""

    async def _wait(self) -> None:
        if self.settings.latency_ms:
            await asyncio.sleep(self.settings.latency_ms / 1_000)


def chance(seed: int, *words: str) -> float:
    """Return a number from 0 up to 1, which is always the same for the same seed and words."""
    digest = blake2b("\0".join((str(seed), *words)).encode(), digest_size=7).digest()
    # Use 53 bits, the precision of a float: a longer digest could be rounded up to 1.
    return (int.from_bytes(digest, "big") >> 3) / 2**53


def reference_of(key: str) -> str:
    """Return the reference that OPS gives to the ticket of this key."""
    digest = blake2b(key.encode(), digest_size=8).hexdigest()
    return f"SIM-{_time_ms_of(key):012X}-{digest.upper()}"


def remote_status(reference: str, *, now_s: float) -> OpsRemoteStatus:
    """Return the status at this time: received, then in progress, then completed."""
    found = _REFERENCE.fullmatch(reference)
    age_s = now_s - (int(found[1], 16) / 1_000 if found else 0.0)
    if age_s < IN_PROGRESS_AFTER_S:
        return OpsRemoteStatus.RECEIVED
    if age_s < COMPLETED_AFTER_S:
        return OpsRemoteStatus.IN_PROGRESS
    return OpsRemoteStatus.COMPLETED


def _time_ms_of(key: str) -> int:
    """Return the time of a UUIDv7 (RFC 9562, section 5.7); 0 for any other key."""
    try:
        uuid = UUID(key)
    except ValueError:
        return 0
    return uuid.int >> 80 if uuid.version == _UUID_VERSION_WITH_TIME else 0


def _unavailable() -> OpsFailure:
    message = "OPS is unavailable"
    return OpsFailure(FailureKind.UNAVAILABLE, message, response={"error": "unavailable"})
