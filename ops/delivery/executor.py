"""Execution of delivery attempts: call OPS for a claim and record the outcome."""

import asyncio
import logging
import random
from functools import partial

from models.columns import new_id
from ops.clients.call import timed_call
from ops.clients.circuit_breaker import BreakerSettings, CircuitBreaker
from ops.clients.protocol import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport
from ops.delivery.attempt_counts import count_attempt
from ops.delivery.claims import Claim, release
from ops.delivery.database_retry import retry_on_database_error
from ops.delivery.outcome import Outcome
from ops.delivery.outcome_writer import OutcomeWriter
from ops.delivery.policy import OpsPolicy

__all__ = ["DeliveryExecutor"]

_log = logging.getLogger(__name__)


class DeliveryExecutor:
    """Makes attempts with one OPS client; the whole process shares its circuit breaker."""

    def __init__(
        self, client: OpsClient, policy: OpsPolicy, breaker: BreakerSettings | None = None
    ) -> None:
        self.policy = policy
        self.circuit = CircuitBreaker(client, breaker)
        self._writer = OutcomeWriter()

    async def attempt(
        self, claim: Claim, *, actor: str | None, request_id: str | None
    ) -> Outcome | OpsFailure:
        """Make the attempt of a claim before its lease ends, and record the outcome.

        If OPS cannot be called, because the lease is about to end or the circuit is open,
        release the claim so that the attempt does not count, and return the failure.
        """
        delivery = claim.delivery
        left_s = claim.call_deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            message = "not enough of the lease was left to call OPS; the delivery is retried"
            return await self._release(claim, OpsFailure(FailureKind.UNAVAILABLE, message))
        result, duration_ms = await timed_call(
            self.circuit.submit(delivery.payload, key=delivery.id, attempt=claim.attempt),
            timeout_s=min(self.policy.timeout_s, left_s),
        )
        if isinstance(result, OpsFailure) and result.kind is FailureKind.CIRCUIT_OPEN:
            return await self._release(claim, result)
        return await self._record(claim, result, duration_ms, actor=actor, request_id=request_id)

    async def record_lost(
        self, claim: Claim, *, actor: str | None, request_id: str | None
    ) -> Outcome:
        """Record that the outcome of an abandoned attempt is unknown."""
        message = "no outcome was recorded: the process that made this attempt ended"
        lost = OpsFailure(FailureKind.LOST, message)
        return await self._record(claim, lost, None, actor=actor, request_id=request_id)

    async def status(self, reference: str) -> tuple[StatusReport | OpsFailure, int]:
        """Return the status of an accepted ticket with the duration of the call in ms."""
        return await timed_call(self.circuit.status(reference), timeout_s=self.policy.timeout_s)

    async def close(self) -> None:
        """Wait until all outcomes are recorded, then close the OPS client."""
        await self._writer.drain()
        await self.circuit.close()

    async def _record(
        self,
        claim: Claim,
        result: Accepted | OpsFailure,
        duration_ms: int | None,
        *,
        actor: str | None,
        request_id: str | None,
    ) -> Outcome:
        retry_delay_s = None
        if isinstance(result, OpsFailure):
            retry_delay_s = self.policy.retry_delay_s(
                attempt=claim.attempt - claim.delivery.attempts_forgiven,
                retryable=result.retryable,
                retry_after_s=result.retry_after_s,
                jitter=random.random(),  # noqa: S311  # not used for security
                is_timeout=result.kind is FailureKind.TIMEOUT,
            )
        outcome = Outcome(new_id(), claim, result, duration_ms, retry_delay_s, actor, request_id)
        await self._writer.record(outcome)
        count_attempt(result, duration_ms)
        if isinstance(result, OpsFailure) and retry_delay_s is None:
            # Without the text of OPS, which can contain data of the customer.
            fields = {
                "delivery_id": claim.delivery.id,
                "attempt": claim.attempt,
                "failure": result.kind.value,
            }
            _log.warning("last attempt of a delivery failed", extra={"fields": fields})
        return outcome

    async def _release(self, claim: Claim, failure: OpsFailure) -> OpsFailure:
        await retry_on_database_error(partial(release, claim))
        return failure
