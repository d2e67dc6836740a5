"""Recording how an attempt went: log entry, delivery, ticket and event in one transaction, fenced.

Where the claim no longer holds (cancelled, or taken over after its lease ran
out), the communication is logged all the same, the entry says so, and nothing
else changes, except that a reference that OPS gave is kept: OPS does have the
ticket. The entry's id is made before: so recording can be tried again when it is
not known whether the first try was committed.
"""

from dataclasses import dataclass
from datetime import timedelta

from tortoise.transactions import in_transaction

from engine.tables import instance
from models import LogAction, LogEntry, LogStatus, OpsDelivery, OpsState
from models.ops_delivery import LAST_ERROR_MAX_LENGTH
from models.ticket_event import lock_ticket
from ops.call import Answer
from ops.claim import Claim
from ops.client import Accepted, Json, OpsFailure
from ops.record import loggable, masked_text
from ops.ticket_state import follow

__all__ = ["Outcome", "answer_of", "record"]

_RECORD = """
WITH before AS (
    SELECT
        id,
        coalesce(state = 'pending' AND attempts = $2 AND lease_until = $3, false) AS is_held,
        coalesce(attempts = $2 AND lease_until = $3, false) AS is_own_lease
    FROM ops_deliveries
    WHERE id = $1
      AND NOT EXISTS (SELECT FROM log_entries WHERE id = $4)
    FOR UPDATE
), delivery AS (
    UPDATE ops_deliveries AS delivery
    SET state = CASE WHEN is_held THEN $5 ELSE delivery.state END,
        reference = coalesce(delivery.reference, $6),
        remote_status = coalesce($7, delivery.remote_status),
        last_error = CASE WHEN is_held THEN $8 ELSE delivery.last_error END,
        next_attempt_at = CASE
            WHEN is_held THEN clock_timestamp() + $9::interval
            ELSE delivery.next_attempt_at
        END,
        lease_until = CASE WHEN is_own_lease THEN NULL ELSE delivery.lease_until END,
        delivered_at = CASE
            WHEN is_held AND $5 = 'delivered' THEN clock_timestamp()
            ELSE delivery.delivered_at
        END
    FROM before
    WHERE delivery.id = before.id
    RETURNING delivery.*, is_held
), entry AS (
    INSERT INTO log_entries (
        id, ticket_id, delivery_id, action, status, timestamp,
        response, attempt, duration_ms, actor, request_id
    )
    SELECT
        $4, ticket_id, id, $10, $11, clock_timestamp(),
        CASE WHEN is_held THEN $12::jsonb ELSE $13::jsonb END, $2, $14, $15, $16
    FROM delivery
)
SELECT * FROM delivery
"""

_LATE = "The delivery had been cancelled or taken over before this was recorded."
_LATE_BUT_ACCEPTED = "OPS accepted this although it had been cancelled or taken over."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went; ``retry_delay_s`` is None where it is not made again."""

    entry_id: str
    answer: Answer[Accepted]
    retry_delay_s: float | None
    actor: str | None
    request_id: str | None

    @property
    def state(self) -> OpsState:
        """The state that the delivery comes to by this."""
        if isinstance(self.answer.result, Accepted):
            return OpsState.DELIVERED
        return OpsState.FAILED if self.retry_delay_s is None else OpsState.PENDING


def answer_of(failure: OpsFailure) -> Json:
    """Return what the log says of a failure: its kind, what happened, and OPS's answer if any."""
    answer: dict[str, Json] = {"error": failure.kind.value, "message": failure.message}
    if failure.response is not None:
        answer["answer"] = failure.response
    if failure.retry_after_s is not None:
        answer["retryAfterSeconds"] = failure.retry_after_s
    return answer


async def record(claim: Claim, outcome: Outcome) -> tuple[OpsDelivery, LogEntry]:
    """Record an outcome once, however often it is called with it; return what is kept."""
    ticket_id = claim.delivery.ticket_id
    async with in_transaction() as connection:
        await lock_ticket(connection, ticket_id)
        rows = await connection.execute_query_dict(_RECORD, _values(claim, outcome))
        if rows:
            delivery = instance(OpsDelivery, rows[0])
            if rows[0]["is_held"] and delivery.state is not OpsState.PENDING:
                await follow(
                    connection, delivery, actor=outcome.actor, request_id=outcome.request_id
                )
        else:
            delivery = await OpsDelivery.get(id=claim.delivery.id, using_db=connection)
        entry = await LogEntry.get(id=outcome.entry_id, using_db=connection)
    return delivery, entry


def _values(claim: Claim, outcome: Outcome) -> list[object]:
    result = outcome.answer.result
    if isinstance(result, Accepted):
        accepted: Accepted | None = result
        status, answer, late = LogStatus.SUCCESS, result.response, _LATE_BUT_ACCEPTED
        last_error = None
    else:
        accepted = None
        status, answer, late = LogStatus.FAILED, answer_of(result), _LATE
        last_error = masked_text(result.message)[:LAST_ERROR_MAX_LENGTH]
    delay_s = outcome.retry_delay_s
    is_first = claim.attempt == 1
    return [
        claim.delivery.id,
        claim.attempt,
        claim.lease_until,
        outcome.entry_id,
        outcome.state.value,
        None if accepted is None else accepted.reference,
        None if accepted is None else accepted.remote_status.value,
        last_error,
        None if outcome.state is not OpsState.PENDING else timedelta(seconds=delay_s or 0.0),
        (LogAction.SEND if is_first else LogAction.RETRY).value,
        status.value,
        loggable(answer),
        loggable({"note": late, "answer": answer}),
        outcome.answer.duration_ms,
        outcome.actor,
        outcome.request_id,
    ]
