"""History of a demo ticket: its events, deliveries and log entries, in order of time.

Ticket 0 of a seed is the newest and higher numbers are older, so that a larger number of tickets
adds older ones to the same tickets. Each ticket has three log entries. No delivery is pending,
because a server would attempt it at once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import orjson

from app.seed import vocabulary
from app.seed.random_source import RandomSource
from app.seed.ticket import Row, ticket_row
from ops.clients.protocol import FailureKind, OpsFailure
from ops.delivery.outcome import failure_details
from ops.simulator import reference_of
from resolvers.tickets.statements import AUDITED_FIELDS

__all__ = ["NEWEST", "DemoTicket", "Story"]

# Fixed, so that a seed gives the same data on any day.
NEWEST = datetime(2025, 11, 1, tzinfo=UTC)

# The age of ticket n is _HOURS * n ** _EXPONENT: 50 tickets span three days, 1,000 three weeks and
# 100,000 fifteen months.
_HOURS = 6.0
_EXPONENT = 0.65

_UNAVAILABLE = OpsFailure(
    FailureKind.UNAVAILABLE, "OPS is unavailable", response={"error": "unavailable"}
)
_TIMEOUT = OpsFailure(FailureKind.TIMEOUT, "OPS did not respond within 2000 ms")
_REJECTED = OpsFailure(
    FailureKind.REJECTED, "OPS rejected the ticket", response={"error": "ticket refused"}
)


@dataclass(slots=True)
class DemoTicket:
    """The rows of one demo ticket, oldest first."""

    ticket: Row
    log_entries: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


class Story:
    """Generator of one demo ticket.

    ``first_event_id`` is available before the rows are generated. An event with this id in the
    database shows that the ticket exists or has existed.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._source = RandomSource(seed, number)
        younger, older = _age(number), _age(number + 1)
        self._age = younger + (older - younger) * self._source.fraction()
        # The time of the next event; it advances with each.
        self._now = NEWEST - self._age
        self.first_event_id = self._id()
        self._ticket_id = self._id()
        self._rows = DemoTicket(ticket={})

    def generate(self) -> DemoTicket:
        """Return the rows of the ticket; call it once."""
        ticket = self._rows.ticket = ticket_row(
            self._source, self._ticket_id, self._now, age_days=self._age.days
        )
        changes = _creation(ticket)
        self._event(ticket["customer_email"], "created", changes, self.first_event_id)
        if ticket["ops_state"] == "not_sent":
            self._former_entries()
        else:
            self._delivery(ticket)
        if ticket["status"] != "open":
            self._wait(minutes=600)
            changes = _change("status", "OPEN", ticket["status"].upper())
            self._event(ticket["assigned_to"], "updated", changes)
            ticket["version"] = 2
        ticket["updated_at"] = self._rows.events[-1]["at"]
        return self._rows

    def _delivery(self, ticket: Row) -> None:
        self._wait(minutes=90)
        row: Row = {
            "id": self._id(),
            "ticket_id": self._ticket_id,
            "payload": _payload(ticket),
            "state": ticket["ops_state"],
            "attempts": 0,
            "reference": None,
            "remote_status": None,
            "last_error": None,
            "requested_by": self._source.pick(vocabulary.AGENTS),
            "request_id": self._id(),
            "created_at": self._now,
            "delivered_at": None,
        }
        self._rows.deliveries.append(row)
        self._ops_event(row, "NOT_SENT", "PENDING")
        if ticket["ops_state"] == "delivered":
            self._delivered(row)
        else:
            self._undelivered(row)

    def _delivered(self, delivery: Row) -> None:
        delivery["reference"] = reference = reference_of(delivery["id"])
        if fails_once := self._source.happens(0.2):
            self._attempt(delivery, _UNAVAILABLE)
        self._attempt(delivery, {"reference": reference, "status": "received"})
        delivery["delivered_at"] = self._now
        self._ops_event(delivery, "PENDING", "DELIVERED")
        for status in ("completed",) if fails_once else ("in_progress", "completed"):
            self._wait(minutes=30)
            self._entry("query", {"reference": reference, "status": status}, delivery)
            delivery["remote_status"] = status

    def _undelivered(self, delivery: Row) -> None:
        last = _REJECTED if delivery["state"] == "failed" else _UNAVAILABLE
        for failure in (self._source.pick((_UNAVAILABLE, _TIMEOUT)), _UNAVAILABLE, last):
            self._attempt(delivery, failure)
        delivery["last_error"] = last.message
        self._ops_event(delivery, "PENDING", delivery["state"].upper())

    def _attempt(self, delivery: Row, result: Row | OpsFailure) -> None:
        delivery["attempts"] += 1
        action = "send" if delivery["attempts"] == 1 else "retry"
        self._entry(action, result, delivery, delivery["attempts"])
        self._wait(minutes=2)

    def _former_entries(self) -> None:
        for action, response in (
            ("send", None),
            ("retry", {"message": "accepted"}),
            ("query", {"message": "in progress"}),
        ):
            self._wait(minutes=30)
            self._entry(action, response or _TIMEOUT)

    def _entry(
        self,
        action: str,
        result: Row | OpsFailure,
        delivery: Row | None = None,
        attempt: int | None = None,
    ) -> None:
        failed = isinstance(result, OpsFailure)
        response = _FAILURE_DETAILS[result] if isinstance(result, OpsFailure) else _to_json(result)
        entry: Row = {
            "id": self._id(),
            "ticket_id": self._ticket_id,
            "delivery_id": None,
            "action": action,
            "status": "failed" if failed else "success",
            "timestamp": self._now,
            "response": response,
            "attempt": attempt,
            "duration_ms": None,
            "actor": None,
            "request_id": None,
        }
        if delivery is not None:
            entry["delivery_id"] = delivery["id"]
            entry["duration_ms"] = 2_000 if result is _TIMEOUT else self._source.between(8, 400)
            entry["actor"] = delivery["requested_by"]
            entry["request_id"] = delivery["request_id"]
        self._rows.log_entries.append(entry)

    def _ops_event(self, delivery: Row, before: str, after: str) -> None:
        changes = _change("opsState", before, after)
        self._event(delivery["requested_by"], "ops_state_changed", changes)

    def _event(self, actor: str | None, type: str, changes: str, id: str | None = None) -> None:
        self._rows.events.append(
            {
                "id": id or self._id(),
                "ticket_id": self._ticket_id,
                "type": type,
                "at": self._now,
                "actor": actor,
                "request_id": None,
                "changes": changes,
            }
        )

    def _wait(self, *, minutes: int) -> None:
        self._now += timedelta(seconds=self._source.between(1, 60 * minutes))

    def _id(self) -> str:
        return self._source.uuid7(self._now)


def _age(number: int) -> timedelta:
    return timedelta(hours=_HOURS * number**_EXPONENT)


def _creation(ticket: Row) -> str:
    """Return the changes of the creation event; every ticket starts as OPEN."""
    values = ticket | {
        "status": "OPEN",
        "priority": ticket["priority"].upper(),
        "metadata": None if ticket["metadata"] is None else orjson.Fragment(ticket["metadata"]),
    }
    return _to_json(
        [
            {"field": name, "before": None, "after": values[column]}
            for column, name in AUDITED_FIELDS.items()
            if values[column] is not None
        ]
    )


@cache
def _change(field: str, before: str, after: str) -> str:
    return _to_json([{"field": field, "before": before, "after": after}])


def _payload(ticket: Row) -> str:
    created_at = ticket["created_at"].isoformat(timespec="microseconds").replace("+00:00", "Z")
    payload = ticket | {"status": "open", "created_at": created_at, "updated_at": created_at}
    if ticket["metadata"] is not None:
        payload["metadata"] = orjson.Fragment(ticket["metadata"])
    del payload["ops_state"]
    return _to_json(payload)


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


# As in the log.
_FAILURE_DETAILS = {
    failure: _to_json(failure_details(failure)) for failure in (_UNAVAILABLE, _TIMEOUT, _REJECTED)
}
