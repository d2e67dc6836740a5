"""Recording how attempts went: log entry, delivery, ticket and event in one transaction, fenced.

Where the claim no longer holds (cancelled, or taken over after its lease ran
out), the communication is logged all the same, the entry says so, and nothing
else changes, except that a reference that OPS gave is kept: OPS does have the
ticket. The entry's id is made before, and what is recorded is no longer held: so
recording can be tried again when it is not known whether the first try was
committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from engine.database.transactions import add_commit_topic
from models import LogAction, LogStatus, OpsState
from models.ops_delivery import LAST_ERROR_MAX_LENGTH
from models.ticket_lock import lock_ticket, try_lock_tickets
from ops.clients.call import Answer
from ops.clients.protocol import Accepted, Json, OpsFailure
from ops.clients.redaction import loggable, masked_text
from ops.delivery.claims import DUE, Claim
from ops.delivery.ticket_state import Change, follow

__all__ = ["Outcome", "answer_of", "record", "record_what_is_free"]

_RECORD = """
WITH given AS (
    SELECT *
    FROM unnest(
        $1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::float8[], $10::text[], $11::text[], $12::jsonb[],
        $13::text[], $14::integer[], $15::text[], $16::text[]
    ) AS given (
        entry_id, delivery_id, attempt, lease_until, state, reference,
        remote_status, last_error, retry_delay_s, action, status, response,
        late_note, duration_ms, actor, request_id
    )
), before AS (
    SELECT
        given.*,
        delivery.ticket_id,
        is_own_lease,
        is_own_lease AND delivery.state = 'pending' AS is_held
    FROM given
    JOIN ops_deliveries AS delivery ON delivery.id = given.delivery_id
    CROSS JOIN LATERAL (
        SELECT coalesce(
            delivery.attempts = given.attempt AND delivery.lease_until = given.lease_until, false
        ) AS is_own_lease
    ) AS fence
    FOR UPDATE OF delivery
), delivery AS (
    UPDATE ops_deliveries AS delivery
    SET state = CASE WHEN is_held THEN before.state ELSE delivery.state END,
        reference = coalesce(delivery.reference, before.reference),
        remote_status = CASE
            WHEN is_held THEN coalesce(before.remote_status, delivery.remote_status)
            ELSE coalesce(delivery.remote_status, before.remote_status)
        END,
        last_error = CASE WHEN is_held THEN before.last_error ELSE delivery.last_error END,
        next_attempt_at = CASE
            WHEN is_held THEN clock_timestamp() + make_interval(secs => before.retry_delay_s)
            ELSE delivery.next_attempt_at
        END,
        lease_until = CASE WHEN is_own_lease THEN NULL ELSE delivery.lease_until END,
        delivered_at = CASE
            WHEN is_held AND before.state = 'delivered' THEN clock_timestamp()
            ELSE delivery.delivered_at
        END
    FROM before
    WHERE delivery.id = before.delivery_id
)
INSERT INTO log_entries (
    id, ticket_id, delivery_id, action, status, timestamp,
    response, attempt, duration_ms, actor, request_id
)
SELECT
    entry_id, ticket_id, delivery_id, action, status, clock_timestamp(),
    CASE
        WHEN is_held THEN response
        ELSE jsonb_build_object('note', late_note, 'answer', response)
    END,
    attempt, duration_ms, actor, request_id
FROM before
ON CONFLICT (id) DO NOTHING
"""

_LATE = "The delivery had been cancelled or taken over before this was recorded."
_LATE_BUT_ACCEPTED = "OPS accepted this although it had been cancelled or taken over."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the attempt of a claim went; without a delay it is not made again."""

    entry_id: str
    claim: Claim
    answer: Answer[Accepted]
    retry_delay_s: float | None
    actor: str | None
    request_id: str | None

    @property
    def ticket_id(self) -> str:
        """The ticket that is delivered."""
        return self.claim.delivery.ticket_id

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


async def record(outcome: Outcome) -> None:
    """Record an outcome once, however often it is called with it."""
    async with in_transaction() as connection:
        await lock_ticket(connection, outcome.ticket_id)
        await _record(connection, [outcome])


async def record_what_is_free(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Record outcomes of different tickets together; return those whose ticket is just locked.

    So that nobody waits for the ticket of another.
    """
    async with in_transaction() as connection:
        free = await try_lock_tickets(connection, [outcome.ticket_id for outcome in outcomes])
        await _record(connection, [outcome for outcome in outcomes if outcome.ticket_id in free])
    return [outcome for outcome in outcomes if outcome.ticket_id not in free]


async def _record(connection: BaseDBAsyncClient, outcomes: Sequence[Outcome]) -> None:
    columns = [list(column) for column in zip(*map(_values, outcomes), strict=True)]
    if not columns:
        return
    await connection.execute_query_dict(_RECORD, columns)
    changes = [
        Change(outcome.claim.delivery.id, outcome.actor, outcome.request_id)
        for outcome in outcomes
        if outcome.state is not OpsState.PENDING
    ]
    await follow(connection, changes)
    if any(outcome.state is OpsState.PENDING for outcome in outcomes):
        # Who works must know when it is to be tried again.
        add_commit_topic(connection, DUE)


def _values(outcome: Outcome) -> tuple[object, ...]:
    """Return the row of an outcome, in the order in which the statement takes its columns."""
    claim, result = outcome.claim, outcome.answer.result
    if isinstance(result, Accepted):
        log_status, response, late_note = LogStatus.SUCCESS, result.response, _LATE_BUT_ACCEPTED
        accepted, last_error = (result.reference, result.remote_status.value), None
    else:
        log_status, response, late_note = LogStatus.FAILED, answer_of(result), _LATE
        accepted, last_error = None, masked_text(result.message)[:LAST_ERROR_MAX_LENGTH]
    return (
        outcome.entry_id,
        claim.delivery.id,
        claim.attempt,
        claim.lease_until,
        outcome.state.value,
        *(accepted or (None, None)),
        last_error,
        outcome.retry_delay_s if outcome.state is OpsState.PENDING else None,
        (LogAction.SEND if claim.attempt == 1 else LogAction.RETRY).value,
        log_status.value,
        loggable(response),
        late_note,
        outcome.answer.duration_ms,
        outcome.actor,
        outcome.request_id,
    )
