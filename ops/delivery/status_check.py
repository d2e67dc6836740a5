"""Recording what OPS said when it was asked how far a ticket is."""

from dataclasses import dataclass

from engine.database.commits import notify_commit
from engine.database.queries import fetch
from engine.sql.tables import instance
from models import LogEntry, LogStatus, OpsDelivery
from ops.clients.call import Answer
from ops.clients.protocol import StatusReport
from ops.clients.redaction import loggable
from ops.delivery.outcome import answer_of

__all__ = ["StatusCheck", "last_accepted", "record_status_check"]

_LAST_ACCEPTED = """
SELECT *
FROM ops_deliveries
WHERE ticket_id = $1
  AND reference IS NOT NULL
ORDER BY created_at DESC, id DESC
LIMIT 1
"""

_RECORD = """
WITH delivery AS (
    UPDATE ops_deliveries
    SET remote_status = $3
    WHERE id = $2
      AND remote_status IS DISTINCT FROM coalesce($3, remote_status)
)
INSERT INTO log_entries (
    id, ticket_id, delivery_id, action, status, timestamp, response, duration_ms, actor, request_id
)
SELECT $1, ticket_id, id, 'query', $4, clock_timestamp(), $5, $6, $7, $8
FROM ops_deliveries
WHERE id = $2
ON CONFLICT (id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class StatusCheck:
    """What was asked about a delivery, and what came of it."""

    entry_id: str
    delivery: OpsDelivery
    answer: Answer[StatusReport]
    actor: str | None
    request_id: str | None


async def last_accepted(ticket_id: str) -> OpsDelivery | None:
    """Return the newest delivery of a ticket that OPS has accepted, even if cancelled since."""
    rows = await fetch(_LAST_ACCEPTED, [ticket_id])
    return instance(OpsDelivery, dict(rows[0])) if rows else None


async def record_status_check(inquiry: StatusCheck) -> tuple[OpsDelivery, LogEntry]:
    """Record an answer once, however often it is called with it; return what is kept."""
    result = inquiry.answer.result
    if isinstance(result, StatusReport):
        status, response, remote_status = LogStatus.SUCCESS, result.response, result.status
    else:
        status, response, remote_status = LogStatus.FAILED, answer_of(result), None
    values = [
        inquiry.entry_id,
        inquiry.delivery.id,
        None if remote_status is None else remote_status.value,
        status.value,
        loggable(response),
        inquiry.answer.duration_ms,
        inquiry.actor,
        inquiry.request_id,
    ]
    await fetch(_RECORD, values)
    notify_commit()
    delivery = await OpsDelivery.get(id=inquiry.delivery.id)
    return delivery, await LogEntry.get(id=inquiry.entry_id)
