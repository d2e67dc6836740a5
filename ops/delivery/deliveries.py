"""Deliveries: what can be done about bringing a ticket to OPS."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from engine.sql.tables import instance
from models import LogEntry, OpsDelivery, OpsRemoteStatus, OpsState, Ticket
from models.columns import new_id
from models.ticket_lock import lock_ticket
from ops.clients.circuit_breaker import BreakerSettings, CircuitState
from ops.clients.protocol import OpsClient, OpsFailure, StatusReport
from ops.delivery.claims import Claim, claim_again, claim_lost, claim_new
from ops.delivery.database_retry import retry_on_database_error
from ops.delivery.errors import DeliveryNotFound, DeliveryStateError, NotSent
from ops.delivery.executor import DeliveryExecutor
from ops.delivery.policy import OpsPolicy
from ops.delivery.shielded_tasks import ShieldedTasks
from ops.delivery.status_check import StatusCheck, last_accepted, record_status_check
from ops.delivery.ticket_state import Change, follow

__all__ = ["Attempt", "Check", "Deliveries"]

_CANCEL = """
UPDATE ops_deliveries
SET state = 'cancelled', next_attempt_at = NULL
WHERE id = $1
  AND state = 'pending'
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt and what is kept of it; without a log entry OPS was not called."""

    delivery: OpsDelivery
    log_entry: LogEntry | None
    failure: OpsFailure | None


@dataclass(frozen=True, slots=True)
class Check:
    """What OPS said about a ticket; ``status`` is None where it gave no answer."""

    reference: str
    status: OpsRemoteStatus | None
    checked_at: datetime
    log_entry: LogEntry
    failure: OpsFailure | None
    delivery: OpsDelivery


class Deliveries:
    """Orders to bring tickets to one OPS. To be built where no transaction is open, and closed."""

    def __init__(
        self, client: OpsClient, policy: OpsPolicy, breaker: BreakerSettings | None = None
    ) -> None:
        self.courier = DeliveryExecutor(client, policy, breaker)
        self._policy = policy
        self._shelter = ShieldedTasks()
        self._claims: dict[tuple[str, int], Claim] = {}

    async def request(
        self,
        connection: BaseDBAsyncClient,
        ticket: Ticket,
        *,
        actor: str | None,
        request_id: str | None,
        at_once: bool = True,
    ) -> tuple[OpsDelivery, bool]:
        """Order a delivery, inside the caller's transaction, which holds the ticket's lock.

        Answers with the pending one where there is one, and else with a new one and
        True: that is claimed, and the caller is to attempt it after the commit,
        unless it is not to be tried ``at_once``, but by a worker.
        """
        claim = await claim_new(
            connection,
            ticket,
            self._policy,
            at_once=at_once,
            actor=actor,
            request_id=request_id,
        )
        if claim is None:
            pending = OpsDelivery.filter(ticket_id=ticket.id, state=OpsState.PENDING)
            return await pending.using_db(connection).get(), False
        await follow(connection, [Change(claim.delivery.id, actor, request_id)])
        await ticket.refresh_from_db(fields=["ops_state", "updated_at"], using_db=connection)
        if at_once:
            self._keep(claim)
        return claim.delivery, True

    async def attempt(
        self, delivery: OpsDelivery, *, actor: str | None, request_id: str | None
    ) -> Attempt:
        """Make the attempt for which `request` has claimed a delivery, outside any transaction.

        Goes on to its end, and is recorded, also when the caller is cancelled.
        """
        claim = self._claims.pop((delivery.id, delivery.attempts))
        return await self._shelter.run(self._attempt(claim, actor=actor, request_id=request_id))

    async def retry(
        self, delivery_id: str, *, actor: str | None, request_id: str | None
    ) -> Attempt:
        """Put a failed or cancelled delivery back to pending, with all attempts anew, and try it.

        Where an attempt from before is still under way, that one counts and none is made.
        Raises DeliveryNotFound and DeliveryStateError.
        """
        return await self._shelter.run(self._retry(delivery_id, actor=actor, request_id=request_id))

    async def cancel(
        self, delivery_id: str, *, actor: str | None, request_id: str | None
    ) -> OpsDelivery:
        """Stop a pending delivery; an attempt under way ends, is logged, and changes nothing.

        Raises DeliveryNotFound and DeliveryStateError.
        """
        delivery = await _find(delivery_id)
        async with in_transaction() as connection:
            await lock_ticket(connection, delivery.ticket_id)
            rows = await connection.execute_query_dict(_CANCEL, [delivery_id])
            if not rows:
                delivery = await OpsDelivery.get(id=delivery_id, using_db=connection)
                message = f"only a pending delivery can be cancelled: this one is {delivery.state}"
                raise DeliveryStateError(delivery, message)
            delivery = instance(OpsDelivery, rows[0])
            await follow(connection, [Change(delivery_id, actor, request_id)])
        return delivery

    async def check(self, ticket_id: str, *, actor: str | None, request_id: str | None) -> Check:
        """Ask OPS how far a ticket is, and log what it says; raises NotSent where it has none."""
        return await self._shelter.run(self._check(ticket_id, actor=actor, request_id=request_id))

    def health(self) -> CircuitState:
        """Return whether calls to OPS are let through."""
        return self.courier.circuit.state

    async def close(self) -> None:
        """Wait until the attempts under way are recorded, then let go of OPS."""
        await self._shelter.drain()
        await self.courier.close()

    async def _attempt(self, claim: Claim, *, actor: str | None, request_id: str | None) -> Attempt:
        made = await self.courier.attempt(claim, actor=actor, request_id=request_id)
        delivery = await OpsDelivery.get(id=claim.delivery.id)
        entry = None if made.log_entry_id is None else await LogEntry.get(id=made.log_entry_id)
        return Attempt(delivery, entry, made.failure)

    async def _retry(
        self, delivery_id: str, *, actor: str | None, request_id: str | None
    ) -> Attempt:
        delivery = await _find(delivery_id)
        if (lost := await claim_lost(delivery_id, self._policy)) is not None:
            await self.courier.record_lost(
                lost, actor=delivery.requested_by, request_id=delivery.request_id
            )
        async with in_transaction() as connection:
            await lock_ticket(connection, delivery.ticket_id)
            claimed = await claim_again(connection, delivery_id, self._policy)
            if claimed is None:
                delivery = await OpsDelivery.get(id=delivery_id, using_db=connection)
                raise DeliveryStateError(delivery, _why_not_again(delivery))
            delivery, claim = claimed
            await follow(connection, [Change(delivery_id, actor, request_id)])
        if claim is None:
            return Attempt(delivery, None, None)
        return await self._attempt(claim, actor=actor, request_id=request_id)

    async def _check(self, ticket_id: str, *, actor: str | None, request_id: str | None) -> Check:
        accepted = await last_accepted(ticket_id)
        if accepted is None or accepted.reference is None:
            raise NotSent(ticket_id)
        reference = accepted.reference
        answer = await self.courier.ask(reference)
        inquiry = StatusCheck(new_id(), accepted, answer, actor, request_id)
        delivery, entry = await retry_on_database_error(lambda: record_status_check(inquiry))
        result = answer.result
        status = result.status if isinstance(result, StatusReport) else None
        failure = result if isinstance(result, OpsFailure) else None
        return Check(reference, status, entry.timestamp, entry, failure, delivery)

    def _keep(self, claim: Claim) -> None:
        """Keep a claim until it is attempted; those of transactions rolled back run out."""
        now = asyncio.get_running_loop().time()
        for key in [key for key, kept in self._claims.items() if kept.call_until < now]:
            del self._claims[key]
        self._claims[claim.delivery.id, claim.attempt] = claim


async def _find(delivery_id: str) -> OpsDelivery:
    delivery = await OpsDelivery.get_or_none(id=delivery_id)
    if delivery is None:
        raise DeliveryNotFound(delivery_id)
    return delivery


def _why_not_again(delivery: OpsDelivery) -> str:
    if delivery.state in {OpsState.FAILED, OpsState.CANCELLED}:
        return "the ticket has another delivery that is pending"
    return f"only a failed or cancelled delivery can be retried: this one is {delivery.state}"
