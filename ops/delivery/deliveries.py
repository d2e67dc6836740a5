"""Operations on deliveries: request, attempt, retry, cancel, and check the status at OPS."""

import asyncio
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from engine.database.outdated_statements import repeats_outdated_statements
from engine.database.time_limit import background_time_limit
from engine.database.transactions import require_writes
from models import LogEntry, OpsDelivery, OpsState, Ticket
from models.columns import new_id
from models.ticket_lock import ticket_transaction
from ops.clients.circuit_breaker import BreakerSettings, CircuitState
from ops.clients.protocol import OpsClient, OpsFailure
from ops.delivery.cancellation import cancel_delivery
from ops.delivery.claims import (
    Claim,
    claim_abandoned_attempt,
    claim_new,
    claim_retry,
    next_attempt_in_s,
)
from ops.delivery.database_retry import retry_on_database_error
from ops.delivery.errors import ChangeIgnored, DeliveryNotFound, DeliveryStateError, NotSent
from ops.delivery.executor import DeliveryExecutor
from ops.delivery.policy import OpsPolicy
from ops.delivery.shielded_tasks import ShieldedTasks
from ops.delivery.status_check import StatusCheck, newest_accepted_delivery, record_status_check
from ops.delivery.ticket_state import StateChange, sync_ops_state, ticket_exists

__all__ = ["Attempt", "Deliveries"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt with its delivery; ``log_entry`` is None if OPS was not called."""

    delivery: OpsDelivery
    log_entry: LogEntry | None
    failure: OpsFailure | None
    # The time until the next attempt, by the database's clock; None if there is none.
    retry_in_s: float | None = None


class Deliveries:
    """Deliveries of tickets to one OPS. Create it outside any transaction, and close it."""

    def __init__(
        self, client: OpsClient, policy: OpsPolicy, breaker: BreakerSettings | None = None
    ) -> None:
        self.executor = DeliveryExecutor(client, policy, breaker)
        self._policy = policy
        self._shielded = ShieldedTasks()
        # Claims of `request`, by delivery and attempt, until `attempt` uses them.
        self._claims: dict[tuple[str, int], Claim] = {}

    @property
    def circuit_state(self) -> CircuitState:
        """Whether calls to OPS are admitted."""
        return self.executor.circuit.state

    async def request(
        self,
        connection: BaseDBAsyncClient,
        ticket: Ticket,
        *,
        actor: str | None,
        request_id: str | None,
        at_once: bool = True,
        delivery_id: str | None = None,
    ) -> tuple[OpsDelivery, bool]:
        """Request a delivery in the caller's transaction, which holds the ticket's lock.

        Return the pending delivery of the ticket and False, or a new delivery and True. The caller
        must call `attempt` with a new delivery after the commit. If ``at_once`` is false, a worker
        makes the attempt instead. A new delivery has the id ``delivery_id`` if that is given and
        no other delivery has it.
        """
        claim = await claim_new(
            connection,
            ticket,
            self._policy,
            at_once=at_once,
            actor=actor,
            request_id=request_id,
            delivery_id=delivery_id,
        )
        if claim is None:
            pending = OpsDelivery.filter(ticket_id=ticket.id, state=OpsState.PENDING)
            # The lock is a write, so that the commit waits for a synchronous standby.
            pending = pending.select_for_update()
            return await pending.using_db(connection).get(), False
        await sync_ops_state(connection, [StateChange(claim.delivery.id, actor, request_id)])
        await ticket.refresh_from_db(fields=["ops_state", "updated_at"], using_db=connection)
        if at_once:
            self._store_claim(claim)
        return claim.delivery, True

    async def attempt(
        self, delivery: OpsDelivery, *, actor: str | None, request_id: str | None
    ) -> Attempt:
        """Make the attempt that `request` claimed. Call this outside any transaction.

        The attempt is completed and recorded even if the caller is cancelled.
        """
        claim = self._claims.pop((delivery.id, delivery.attempts))
        return await self._shielded.run(self._attempt(claim, actor=actor, request_id=request_id))

    async def retry(
        self, delivery_id: str, *, actor: str | None, request_id: str | None
    ) -> Attempt:
        """Set a failed or cancelled delivery back to pending, and make an attempt at once.

        Attempts are counted from the start again. If an attempt is still running, no other is
        started. The attempt is completed and recorded even if the caller is cancelled. Raise
        DeliveryNotFound or DeliveryStateError.
        """
        async with background_time_limit():
            delivery = await _find(delivery_id)
            abandoned = await claim_abandoned_attempt(delivery_id, self._policy)
        if abandoned is not None:
            await self._shielded.run(
                self.executor.record_lost(
                    abandoned, actor=delivery.requested_by, request_id=delivery.request_id
                )
            )
        # Not shielded: a caller that is cancelled must not wait for locks or its commit any longer.
        delivery, claim = await self._claim_retry(delivery, actor=actor, request_id=request_id)
        if claim is None:
            return Attempt(delivery, None, None)
        return await self._shielded.run(self._attempt(claim, actor=actor, request_id=request_id))

    @repeats_outdated_statements
    async def _claim_retry(
        self, delivery: OpsDelivery, *, actor: str | None, request_id: str | None
    ) -> tuple[OpsDelivery, Claim | None]:
        """Set a delivery back to pending; the claim is None while an earlier attempt runs."""
        delivery_id = delivery.id
        async with ticket_transaction(delivery.ticket_id) as connection:
            claimed = await claim_retry(connection, delivery_id, self._policy)
            if claimed is None:
                delivery = await OpsDelivery.get(id=delivery_id, using_db=connection)
                has_ticket = await ticket_exists(connection, delivery_id)
                message = _why_not_retried(delivery, has_ticket=has_ticket)
                raise DeliveryStateError(delivery, message)
            await sync_ops_state(connection, [StateChange(delivery_id, actor, request_id)])
        return claimed

    @repeats_outdated_statements
    async def cancel(
        self, delivery_id: str, *, actor: str | None, request_id: str | None
    ) -> OpsDelivery:
        """Cancel a pending delivery. A running attempt is completed and logged without effect.

        Raise DeliveryNotFound or DeliveryStateError.
        """
        delivery = await _find(delivery_id)
        async with ticket_transaction(delivery.ticket_id) as connection:
            cancelled = await cancel_delivery(connection, delivery_id)
            if cancelled is None:
                delivery = await OpsDelivery.get(id=delivery_id, using_db=connection)
                message = f"only a pending delivery can be cancelled: this one is {delivery.state}"
                raise DeliveryStateError(delivery, message)
            await sync_ops_state(connection, [StateChange(delivery_id, actor, request_id)])
        return cancelled

    async def check(
        self, ticket_id: str, *, actor: str | None, request_id: str | None
    ) -> StatusCheck:
        """Read the status of a ticket from OPS and log it. Raise NotSent if it was not accepted."""
        return await self._shielded.run(self._check(ticket_id, actor=actor, request_id=request_id))

    async def close(self) -> None:
        """Wait until the running attempts are recorded, then close the OPS client."""
        await self._shielded.drain()
        await self.executor.close()

    async def _attempt(self, claim: Claim, *, actor: str | None, request_id: str | None) -> Attempt:
        outcome = await self.executor.attempt(claim, actor=actor, request_id=request_id)
        async with background_time_limit():
            delivery = await OpsDelivery.get(id=claim.delivery.id)
            if isinstance(outcome, OpsFailure):
                return Attempt(delivery, None, outcome, await next_attempt_in_s(delivery.id))
            failure = outcome.result if isinstance(outcome.result, OpsFailure) else None
            entry = await LogEntry.get_or_none(id=outcome.log_entry_id)
            if entry is None:
                raise ChangeIgnored("log_entries")
            retry_in_s = None if failure is None else await next_attempt_in_s(delivery.id)
        return Attempt(delivery, entry, failure, retry_in_s)

    async def _check(
        self, ticket_id: str, *, actor: str | None, request_id: str | None
    ) -> StatusCheck:
        async with background_time_limit():
            delivery = await newest_accepted_delivery(ticket_id)
        if delivery is None or delivery.reference is None:
            raise NotSent(ticket_id)
        reference, log_entry_id = delivery.reference, new_id()
        result, duration_ms = await self.executor.status(reference)
        return await retry_on_database_error(
            lambda: record_status_check(
                delivery,
                reference,
                result,
                log_entry_id=log_entry_id,
                duration_ms=duration_ms,
                actor=actor,
                request_id=request_id,
            )
        )

    def _store_claim(self, claim: Claim) -> None:
        """Store a claim for `attempt`; drop expired ones, whose transaction was rolled back."""
        now = asyncio.get_running_loop().time()
        for key in [key for key, stored in self._claims.items() if stored.call_deadline < now]:
            del self._claims[key]
        self._claims[claim.delivery.id, claim.attempt] = claim


async def _find(delivery_id: str) -> OpsDelivery:
    delivery = await OpsDelivery.get_or_none(id=delivery_id)
    if delivery is None:
        async with in_transaction() as connection:
            await require_writes(connection)
            delivery = await OpsDelivery.get_or_none(id=delivery_id, using_db=connection)
    if delivery is None:
        raise DeliveryNotFound(delivery_id)
    return delivery


def _why_not_retried(delivery: OpsDelivery, *, has_ticket: bool) -> str:
    if not has_ticket:
        return "the ticket of this delivery was deleted, so it cannot be retried"
    if delivery.state in {OpsState.FAILED, OpsState.CANCELLED}:
        return "the ticket has another delivery that is pending"
    return f"only a failed or cancelled delivery can be retried: this one is {delivery.state}"
