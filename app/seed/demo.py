"""One demo ticket and all that happened to it: a pure function of the seed and its number.

Number 0 is the newest and the numbers go back into the past, so that more tickets of
a seed are the same ones and some older besides. Three communications with OPS belong
to each. No delivery is pending, for a server would attempt it at once.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar
from unicodedata import normalize

import orjson

from app.seed import words
from ops.clients.protocol import FailureKind, OpsFailure
from ops.delivery.outcome import failure_details
from ops.simulator import reference_of
from resolvers.tickets.statements import AUDITED_FIELDS

# Fixed, for the same seed is to give the same data on any day.
NEWEST = datetime(2025, 11, 1, tzinfo=UTC)

# 50 tickets reach back three days, 1,000 three weeks, 100,000 a year and a quarter.
_HOURS = 6.0
_EXPONENT = 0.65

T = TypeVar("T")

# In percent, how often a ticket of at least so many days has which status.
_STATUS_BY_DAYS = (
    (14, {"open": 3, "in_progress": 4, "pending": 5, "resolved": 18, "closed": 70}),
    (2, {"open": 20, "in_progress": 30, "pending": 20, "resolved": 20, "closed": 10}),
    (0, {"open": 60, "in_progress": 25, "pending": 10, "resolved": 5}),
)
_PRIORITIES = {"low": 30, "medium": 50, "high": 20}
# Those not sent have log entries of the former service, which knew no deliveries.
_OPS_STATES = {"delivered": 70, "failed": 10, "cancelled": 5, "not_sent": 15}


_UNAVAILABLE = OpsFailure(
    FailureKind.UNAVAILABLE, "OPS is unavailable", response={"error": "unavailable"}
)
_TIMEOUT = OpsFailure(FailureKind.TIMEOUT, "OPS did not answer within 2000 ms")
_REJECTED = OpsFailure(
    FailureKind.REJECTED, "OPS rejected the ticket", response={"error": "ticket refused"}
)

# As OPS is given times.
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"

# By column; JSON as its text.
Row: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Demo:
    """The rows of one demo ticket, oldest first."""

    ticket: Row
    log_entries: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


class Story:
    """What happened to one ticket, to be told once, in the order of time.

    By ``first_event_id`` the ticket is known to be there, or to have been there.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311  # demo data, no secret
        self._chance = self._random.random
        younger, older = _age(number), _age(number + 1)
        self._age = younger + (older - younger) * self._chance()
        self._now = NEWEST - self._age
        self.first_event_id = self._id()
        self._ticket_id = self._id()
        self._demo = Demo(ticket={})

    def told(self) -> Demo:
        """Return the rows of the ticket."""
        ticket = self._demo.ticket = self._ticket()
        self._event(ticket["customer_email"], "created", _creation(ticket), self.first_event_id)
        if ticket["ops_state"] == "not_sent":
            self._former_entries()
        else:
            self._delivery(ticket)
        if ticket["status"] != "open":
            self._wait(minutes=600)
            change = {"field": "status", "before": "OPEN", "after": ticket["status"].upper()}
            self._event(ticket["assigned_to"], "updated", [change])
            ticket["version"] = 2
        ticket["updated_at"] = self._demo.events[-1]["at"]
        return self._demo

    def _ticket(self) -> Row:
        pick = self._pick
        given, family = pick(words.GIVEN_NAMES), pick(words.FAMILY_NAMES)
        category = pick(words.CATEGORIES)
        shares = next(shares for days, shares in _STATUS_BY_DAYS if self._age.days >= days)
        status = self._one_of(shares)
        return {
            "id": self._ticket_id,
            "subject": self._filled(pick(category.subjects)),
            "description": self._description(category),
            "status": status,
            "priority": self._one_of(_PRIORITIES),
            "category": category.name,
            "customer_name": f"{given} {family}",
            "customer_email": f"{_mailbox(given, family)}@{pick(words.DOMAINS)}",
            "customer_phone": self._phone() if self._happens(0.7) else None,
            "assigned_to": (
                None if status == "open" and self._happens(0.7) else pick(words.AGENTS)
            ),
            "metadata": self._metadata(),
            "created_at": self._now,
            "updated_at": self._now,
            "version": 1,
            "ops_state": self._one_of(_OPS_STATES),
        }

    def _description(self, category: words.Category) -> str:
        count = self._between(1, len(category.sentences))
        sentences = self._random.sample(category.sentences, count)
        joint = "\n\n" if self._happens(0.3) else " "
        return joint.join(self._filled(sentence) for sentence in sentences)

    def _metadata(self) -> str | None:
        pick = self._pick
        shape: Row
        match self._between(0, 5):
            case 0:
                return None
            case 1:
                shape = {"source": "email", "language": pick(words.LANGUAGES)}
            case 2:
                shape = {
                    "source": "web",
                    "client": {"browser": pick(words.BROWSERS), "system": pick(words.SYSTEMS)},
                }
            case 3:
                shape = {"source": "phone", "duration_s": self._between(30, 1_800)}
            case 4:
                shape = {"plan": pick(words.PLANS), "seats": self._between(1, 500)}
            case _:
                shape = {
                    "source": "api",
                    "order": {
                        "number": self._between(10_000, 99_999),
                        "total": round(self._random.uniform(5, 900), 2),
                        "items": [pick(words.PRODUCTS) for _ in range(self._between(1, 3))],
                    },
                }
        if self._happens(0.4):
            shape["tags"] = sorted(self._random.sample(words.TAGS, self._between(1, 3)))
        return orjson.dumps(shape).decode()

    def _phone(self) -> str:
        # Both ranges are kept for fiction, by the NANP and by Ofcom.
        if self._happens(0.5):
            return f"+1 {self._between(201, 989)} 555 01{self._between(0, 99):02}"
        return f"+44 20 7946 0{self._between(0, 999):03}"

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
            "requested_by": self._pick(words.AGENTS),
            "request_id": self._id(),
            "created_at": self._now,
            "delivered_at": None,
        }
        self._demo.deliveries.append(row)
        self._ops_event(row, "NOT_SENT", "PENDING")
        if ticket["ops_state"] == "delivered":
            self._delivered(row)
        else:
            self._given_up(row)

    def _delivered(self, delivery: Row) -> None:
        delivery["reference"] = reference = reference_of(delivery["id"])
        if fails_once := self._happens(0.2):
            self._attempt(delivery, _UNAVAILABLE)
        self._attempt(delivery, {"reference": reference, "status": "received"})
        delivery["delivered_at"] = self._now
        self._ops_event(delivery, "PENDING", "DELIVERED")
        for status in ("completed",) if fails_once else ("in_progress", "completed"):
            self._wait(minutes=30)
            self._entry("query", {"reference": reference, "status": status}, delivery)
            delivery["remote_status"] = status

    def _given_up(self, delivery: Row) -> None:
        last = _REJECTED if delivery["state"] == "failed" else _UNAVAILABLE
        for failure in (self._pick((_UNAVAILABLE, _TIMEOUT)), _UNAVAILABLE, last):
            self._attempt(delivery, failure)
        delivery["last_error"] = last.message
        self._ops_event(delivery, "PENDING", delivery["state"].upper())

    def _attempt(self, delivery: Row, result: Row | OpsFailure) -> None:
        delivery["attempts"] += 1
        action = "send" if delivery["attempts"] == 1 else "retry"
        self._entry(action, result, delivery, delivery["attempts"])
        self._wait(minutes=2)

    def _former_entries(self) -> None:
        for action, answer in (
            ("send", None),
            ("retry", {"message": "accepted"}),
            ("query", {"message": "in progress"}),
        ):
            self._wait(minutes=30)
            self._entry(action, answer or _TIMEOUT)

    def _entry(
        self,
        action: str,
        result: Row | OpsFailure,
        delivery: Row | None = None,
        attempt: int | None = None,
    ) -> None:
        failed = isinstance(result, OpsFailure)
        entry: Row = {
            "id": self._id(),
            "ticket_id": self._ticket_id,
            "delivery_id": None,
            "action": action,
            "status": "failed" if failed else "success",
            "timestamp": self._now,
            "response": _text(
                failure_details(result) if isinstance(result, OpsFailure) else result
            ),
            "attempt": attempt,
            "duration_ms": None,
            "actor": None,
            "request_id": None,
        }
        if delivery is not None:
            entry["delivery_id"] = delivery["id"]
            entry["duration_ms"] = 2_000 if result is _TIMEOUT else self._between(8, 400)
            entry["actor"] = delivery["requested_by"]
            entry["request_id"] = delivery["request_id"]
        self._demo.log_entries.append(entry)

    def _ops_event(self, delivery: Row, before: str, after: str) -> None:
        change = {"field": "opsState", "before": before, "after": after}
        self._event(delivery["requested_by"], "ops_state_changed", [change])

    def _event(
        self, actor: str | None, type: str, changes: list[Row], id: str | None = None
    ) -> None:
        self._demo.events.append(
            {
                "id": id or self._id(),
                "ticket_id": self._ticket_id,
                "type": type,
                "at": self._now,
                "actor": actor,
                "request_id": None,
                "changes": _text(changes),
            }
        )

    def _wait(self, *, minutes: int) -> None:
        self._now += timedelta(seconds=self._between(1, 60 * minutes))

    def _id(self) -> str:
        """Return a UUIDv7 (RFC 9562, section 5.7) of this moment."""
        time_ms = int(self._now.timestamp() * 1_000)
        chance = self._random.getrandbits(74)
        value = time_ms << 80 | 7 << 76 | chance >> 62 << 64 | 2 << 62 | chance & (1 << 62) - 1
        digits = f"{value:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    # `random.choice` and `randint` would take a third of the time of making a ticket.

    def _pick(self, options: Sequence[T]) -> T:
        return options[int(self._chance() * len(options))]

    def _between(self, least: int, most: int) -> int:
        return least + int(self._chance() * (most - least + 1))

    def _one_of(self, shares: Mapping[str, int]) -> str:
        left = self._chance() * 100
        return next(value for value, share in shares.items() if (left := left - share) < 0)

    def _happens(self, share: float) -> bool:
        return self._chance() < share

    def _filled(self, text: str) -> str:
        return text.format(
            product=self._pick(words.PRODUCTS),
            number=self._between(11, 9_999),
            place=self._pick(words.PLACES),
        )


def _age(number: int) -> timedelta:
    return timedelta(hours=_HOURS * number**_EXPONENT)


def _creation(ticket: Row) -> list[Row]:
    """Return a new ticket as changes from nothing; it was open, whatever it is now."""
    values = ticket | {
        "status": "OPEN",
        "priority": ticket["priority"].upper(),
        "metadata": None if ticket["metadata"] is None else orjson.Fragment(ticket["metadata"]),
    }
    return [
        {"field": name, "before": None, "after": values[column]}
        for column, name in AUDITED_FIELDS.items()
        if values[column] is not None
    ]


def _payload(ticket: Row) -> str:
    metadata = ticket["metadata"]
    return _text(
        {
            **{name: value for name, value in ticket.items() if name != "ops_state"},
            "status": "open",
            "metadata": None if metadata is None else orjson.Fragment(metadata),
            "created_at": f"{ticket['created_at']:{_TIME}}",
            "updated_at": f"{ticket['created_at']:{_TIME}}",
        }
    )


def _mailbox(given: str, family: str) -> str:
    letters = normalize("NFKD", f"{given}.{family}".lower().replace("ø", "o"))
    return "".join(letter for letter in letters if letter.isascii() and letter not in " '")


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
