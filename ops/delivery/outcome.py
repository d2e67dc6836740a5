"""Outcomes of attempts, recorded behind a fence.

A claim is the right to decide the next state of a delivery. It ends when the delivery is
cancelled, or when its lease runs out and another process takes the delivery over. An
outcome is therefore recorded in one of two ways:

- The claim is still valid: the delivery changes to its next state, and so does the ticket.
- The claim has ended: the state does not change. Only a reference that OPS returned is
  stored, because OPS then has the ticket.

In both cases the attempt gets its log entry, whose id is chosen in advance. Recording can
therefore be repeated if it is unknown whether the first try was committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from tortoise import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from engine.database.transactions import add_commit_topic
from engine.long_work import pause
from models import LogAction, LogStatus, OpsState
from models.ops_delivery import LAST_ERROR_MAX_LENGTH
from models.ticket_lock import ticket_transaction, try_lock_tickets
from ops.clients.protocol import Accepted, Json, OpsFailure
from ops.clients.redaction import is_large, loggable, masked_text
from ops.delivery.claims import DELIVERIES_DUE, Claim
from ops.delivery.ticket_state import StateChange, sync_ops_state

__all__ = ["Outcome", "failure_details", "record_outcome", "record_unlocked_outcomes", "redact"]

# The parameters are the columns of `_OutcomeRow`, each an array with one element for each outcome.
_RECORD = """
WITH outcome AS (
    SELECT *
    FROM unnest(
        $1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::float8[], $10::text[], $11::text[], $12::jsonb[],
        $13::text[], $14::integer[], $15::text[], $16::text[]
    ) AS outcome (
        log_entry_id, delivery_id, attempt, lease_until, state, reference,
        remote_status, last_error, retry_delay_s, log_action, log_status, response,
        late_note, duration_ms, actor, request_id
    )
), fenced AS (
    -- The fence: whether the attempt still has its lease, and its delivery is still pending.
    SELECT
        outcome.*,
        delivery.ticket_id,
        fence.has_lease,
        fence.has_lease AND delivery.state = 'pending' AS is_current
    FROM outcome
    JOIN ops_deliveries AS delivery ON delivery.id = outcome.delivery_id
    CROSS JOIN LATERAL (
        SELECT coalesce(
            delivery.attempts = outcome.attempt AND delivery.lease_until = outcome.lease_until,
            false
        ) AS has_lease
    ) AS fence
    FOR UPDATE OF delivery
), current_update AS (
    UPDATE ops_deliveries AS delivery
    SET state = fenced.state,
        reference = coalesce(delivery.reference, fenced.reference),
        remote_status = coalesce(fenced.remote_status, delivery.remote_status),
        last_error = fenced.last_error,
        -- Null for a final state, because its delay is null.
        next_attempt_at = clock_timestamp() + make_interval(secs => fenced.retry_delay_s),
        lease_until = NULL,
        delivered_at = CASE
            WHEN fenced.state = 'delivered' THEN clock_timestamp()
            ELSE delivery.delivered_at
        END
    FROM fenced
    WHERE delivery.id = fenced.delivery_id
      AND fenced.is_current
), late_update AS (
    UPDATE ops_deliveries AS delivery
    SET reference = coalesce(delivery.reference, fenced.reference),
        remote_status = coalesce(delivery.remote_status, fenced.remote_status),
        lease_until = CASE WHEN NOT fenced.has_lease THEN delivery.lease_until END
    FROM fenced
    WHERE delivery.id = fenced.delivery_id
      AND NOT fenced.is_current
)
INSERT INTO log_entries (
    id, ticket_id, delivery_id, action, status, timestamp,
    response, attempt, duration_ms, actor, request_id
)
SELECT
    log_entry_id, ticket_id, delivery_id, log_action, log_status, clock_timestamp(),
    CASE
        WHEN is_current THEN response
        ELSE jsonb_build_object('note', late_note, 'answer', response)
    END,
    attempt, duration_ms, actor, request_id
FROM fenced
ON CONFLICT (id) DO NOTHING
"""

_LATE = "The delivery was cancelled or taken over before this outcome was recorded."
_LATE_BUT_ACCEPTED = "OPS accepted the ticket although its delivery was cancelled or taken over."


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attempt. Without ``retry_delay_s`` it is the last attempt."""

    log_entry_id: str
    claim: Claim
    result: Accepted | OpsFailure
    # None if it is unknown.
    duration_ms: int | None
    retry_delay_s: float | None
    actor: str | None
    request_id: str | None

    @property
    def ticket_id(self) -> str:
        """The ticket that is delivered."""
        return self.claim.delivery.ticket_id

    @property
    def state(self) -> OpsState:
        """The state of the delivery after this outcome."""
        if isinstance(self.result, Accepted):
            return OpsState.DELIVERED
        return OpsState.FAILED if self.retry_delay_s is None else OpsState.PENDING

    @property
    def response(self) -> Json:
        """What OPS responded, or why it did not."""
        result = self.result
        return result.response if isinstance(result, Accepted) else failure_details(result)

    @cached_property
    def log_text(self) -> str:
        """The response as text for the log."""
        return loggable(self.response)


class _OutcomeRow(NamedTuple):
    """The parameters of `_RECORD` for one outcome, in their order."""

    log_entry_id: str
    delivery_id: str
    attempt: int
    lease_until: datetime | None
    state: str
    reference: str | None
    remote_status: str | None
    last_error: str | None
    retry_delay_s: float | None
    log_action: str
    log_status: str
    response: str
    late_note: str
    duration_ms: int | None
    actor: str | None
    request_id: str | None


def failure_details(failure: OpsFailure) -> Json:
    """Return the log form of a failure: kind, message, and the response of OPS, if any."""
    details: dict[str, Json] = {"error": failure.kind.value, "message": failure.message}
    if failure.response is not None:
        details["answer"] = failure.response
    if failure.retry_after_s is not None:
        details["retryAfterSeconds"] = failure.retry_after_s
    return details


async def redact(outcome: Outcome) -> None:
    """Make the text for the log, in a turn of the event loop of its own if that takes long."""
    if is_large(outcome.response):
        await pause()
    _ = outcome.log_text


async def record_outcome(outcome: Outcome) -> None:
    """Record an outcome. Repeated calls with the same outcome record it once."""
    async with ticket_transaction(outcome.ticket_id) as connection:
        await _record(connection, [outcome])


async def record_unlocked_outcomes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Record outcomes of different tickets in one transaction, without waiting for locks.

    Return those that were not recorded because another transaction holds the ticket's lock.
    """
    async with in_transaction() as connection:
        unlocked = await try_lock_tickets(connection, [outcome.ticket_id for outcome in outcomes])
        await _record(
            connection, [outcome for outcome in outcomes if outcome.ticket_id in unlocked]
        )
    return [outcome for outcome in outcomes if outcome.ticket_id not in unlocked]


async def _record(connection: BaseDBAsyncClient, outcomes: Sequence[Outcome]) -> None:
    """Record outcomes in a transaction that holds the locks of their tickets.

    Invariant: a delivery changes its state only for the outcome whose attempt number and lease
    still match the delivery, and only while the delivery is pending. Every outcome gets
    exactly one log entry.
    """
    if not outcomes:
        return
    columns = zip(*map(_row, outcomes), strict=True)
    await connection.execute_query_dict(_RECORD, [list(column) for column in columns])
    final = [outcome for outcome in outcomes if outcome.state is not OpsState.PENDING]
    await sync_ops_state(
        connection,
        [
            StateChange(outcome.claim.delivery.id, outcome.actor, outcome.request_id)
            for outcome in final
        ],
    )
    if len(final) < len(outcomes):
        # Wake the workers at the commit, so that they look up when the next attempt is due.
        add_commit_topic(connection, DELIVERIES_DUE)


def _row(outcome: Outcome) -> _OutcomeRow:
    claim, result = outcome.claim, outcome.result
    reference = remote_status = last_error = None
    if isinstance(result, Accepted):
        reference, remote_status = result.reference, result.remote_status.value
        log_status, late_note = LogStatus.SUCCESS, _LATE_BUT_ACCEPTED
    else:
        last_error = masked_text(result.message)[:LAST_ERROR_MAX_LENGTH]
        log_status, late_note = LogStatus.FAILED, _LATE
    return _OutcomeRow(
        log_entry_id=outcome.log_entry_id,
        delivery_id=claim.delivery.id,
        attempt=claim.attempt,
        lease_until=claim.lease_until,
        state=outcome.state.value,
        reference=reference,
        remote_status=remote_status,
        last_error=last_error,
        retry_delay_s=outcome.retry_delay_s if outcome.state is OpsState.PENDING else None,
        log_action=(LogAction.SEND if claim.attempt == 1 else LogAction.RETRY).value,
        log_status=log_status.value,
        response=outcome.log_text,
        late_note=late_note,
        duration_ms=outcome.duration_ms,
        actor=outcome.actor,
        request_id=outcome.request_id,
    )
