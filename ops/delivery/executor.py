"""The courier: makes the attempt that a claim allows, and records what came of it."""

import asyncio
import random
from dataclasses import dataclass
from functools import partial

from models.columns import new_id
from ops.clients.call import Answer, call
from ops.clients.circuit_breaker import BreakerSettings, CircuitBreaker
from ops.clients.protocol import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport
from ops.delivery.claims import Claim, release
from ops.delivery.database_retry import retry_on_database_error
from ops.delivery.outcome import Outcome
from ops.delivery.outcome_writer import OutcomeWriter
from ops.delivery.policy import OpsPolicy
from ops.delivery.retry import retry_delay_s

__all__ = ["AttemptResult", "DeliveryExecutor"]


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What came of a claim; without a log entry it was given back, and OPS was not called."""

    log_entry_id: str | None
    failure: OpsFailure | None


class DeliveryExecutor:
    """The way to one OPS, with the circuit breaker that all of a process share."""

    def __init__(
        self, client: OpsClient, policy: OpsPolicy, breaker: BreakerSettings | None = None
    ) -> None:
        self.policy = policy
        self.circuit = CircuitBreaker(client, breaker)
        self._recorder = OutcomeWriter()

    async def attempt(
        self, claim: Claim, *, actor: str | None, request_id: str | None
    ) -> AttemptResult:
        """Make the attempt of a claim, in time before its lease ends, and record the outcome.

        A claim that cannot be used, for it is too late or the circuit is open, is
        given back, and the attempt does not count.
        """
        delivery = claim.delivery
        left_s = claim.call_until - asyncio.get_running_loop().time()
        if left_s <= 0:
            message = "It was too late to call OPS within the lease; the delivery is tried again."
            return await self._give_back(claim, OpsFailure(FailureKind.UNAVAILABLE, message))
        submitted = self.circuit.submit(delivery.payload, key=delivery.id, attempt=claim.attempt)
        answer = await call(submitted, timeout_s=min(self.policy.timeout_s, left_s))
        if isinstance(answer.result, OpsFailure) and answer.result.kind is FailureKind.CIRCUIT_OPEN:
            return await self._give_back(claim, answer.result)
        return await self._record(claim, answer, actor=actor, request_id=request_id)

    async def record_lost(
        self, claim: Claim, *, actor: str | None, request_id: str | None
    ) -> AttemptResult:
        """Record of an attempt taken over from who made it that its outcome is not known."""
        message = "no outcome recorded: the process that made this attempt went away"
        answer: Answer[Accepted] = Answer(OpsFailure(FailureKind.LOST, message), None)
        return await self._record(claim, answer, actor=actor, request_id=request_id)

    async def ask(self, reference: str) -> Answer[StatusReport]:
        """Ask OPS how far a ticket is."""
        return await call(self.circuit.status(reference), timeout_s=self.policy.timeout_s)

    async def close(self) -> None:
        """Wait until all is recorded, then let go of OPS."""
        await self._recorder.drain()
        await self.circuit.close()

    async def _record(
        self,
        claim: Claim,
        answer: Answer[Accepted],
        *,
        actor: str | None,
        request_id: str | None,
    ) -> AttemptResult:
        failure = answer.result if isinstance(answer.result, OpsFailure) else None
        delay_s = None if failure is None else self._retry_delay_s(claim, failure)
        outcome = Outcome(new_id(), claim, answer, delay_s, actor, request_id)
        await self._recorder.record(outcome)
        return AttemptResult(outcome.entry_id, failure)

    def _retry_delay_s(self, claim: Claim, failure: OpsFailure) -> float | None:
        return retry_delay_s(
            self.policy.retry,
            attempt=claim.attempt - claim.delivery.attempts_forgiven,
            retryable=failure.retryable,
            retry_after_s=failure.retry_after_s,
            chance=random.random(),  # noqa: S311  # spreads calls, protects nothing
            # Else OPS could find two calls of one delivery before it at the same moment.
            settle_s=self.policy.settle_s if failure.kind is FailureKind.TIMEOUT else 0.0,
        )

    async def _give_back(self, claim: Claim, failure: OpsFailure) -> AttemptResult:
        await retry_on_database_error(partial(release, claim))
        return AttemptResult(None, failure)
