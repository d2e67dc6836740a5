"""Status checks: the status that OPS reports for an accepted ticket, and its log entry."""

from dataclasses import dataclass

from engine.database.commits import notify_commit
from engine.database.queries import fetch, write
from engine.long_work import pause
from engine.sql.tables import instance
from models import LogEntry, LogStatus, OpsDelivery
from ops.clients.protocol import OpsFailure, StatusReport
from ops.clients.redaction import is_large, loggable
from ops.delivery.errors import ChangeIgnored
from ops.delivery.outcome import failure_details
from ops.delivery.ticket_state import TICKET_EXISTS

__all__ = ["StatusCheck", "newest_accepted_delivery", "record_status_check"]

_NEWEST_ACCEPTED = f"""
SELECT *
FROM ops_deliveries AS delivery
WHERE ticket_id = $1
  AND reference IS NOT NULL
  AND {TICKET_EXISTS}
ORDER BY created_at DESC, id DESC
LIMIT 1
"""  # noqa: S608  # constants; values are parameters

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
    """A recorded status check: the response of OPS, its log entry, and the delivery."""

    reference: str
    result: StatusReport | OpsFailure
    log_entry: LogEntry
    delivery: OpsDelivery


async def newest_accepted_delivery(ticket_id: str) -> OpsDelivery | None:
    """Return the newest delivery of a ticket that OPS has accepted, even if cancelled since."""
    rows = await fetch(_NEWEST_ACCEPTED, [ticket_id])
    return instance(OpsDelivery, dict(rows[0])) if rows else None


async def record_status_check(
    delivery: OpsDelivery,
    reference: str,
    result: StatusReport | OpsFailure,
    *,
    log_entry_id: str,
    duration_ms: int,
    actor: str | None,
    request_id: str | None,
) -> StatusCheck:
    """Record the result of a status check. Repeated calls with one log entry id record it once."""
    if isinstance(result, StatusReport):
        log_status, response, remote_status = LogStatus.SUCCESS, result.response, result.status
    else:
        log_status, response, remote_status = LogStatus.FAILED, failure_details(result), None
    if is_large(response):
        await pause()
    values = [
        log_entry_id,
        delivery.id,
        None if remote_status is None else remote_status.value,
        log_status.value,
        loggable(response),
        duration_ms,
        actor,
        request_id,
    ]
    await write(_RECORD, values)
    notify_commit()
    entry = await LogEntry.get_or_none(id=log_entry_id)
    if entry is None:
        raise ChangeIgnored("log_entries")
    return StatusCheck(reference, result, entry, await OpsDelivery.get(id=delivery.id))
