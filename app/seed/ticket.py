"""Row of a demo ticket: a random subject, description, customer and metadata."""

from datetime import datetime
from typing import Any, TypeAlias
from unicodedata import normalize

import orjson

from app.seed import vocabulary
from app.seed.random_source import RandomSource
from models.ticket import NEW_TICKET

__all__ = ["Row", "ticket_row"]

# Values by column; JSON values as text.
Row: TypeAlias = dict[str, Any]

# For tickets of at least so many days, the percentage of each status.
_STATUS_BY_AGE_DAYS = (
    (14, {"open": 3, "in_progress": 4, "pending": 5, "resolved": 18, "closed": 70}),
    (2, {"open": 20, "in_progress": 30, "pending": 20, "resolved": 20, "closed": 10}),
    (0, {"open": 60, "in_progress": 25, "pending": 10, "resolved": 5}),
)
_PRIORITIES = {"low": 30, "medium": 50, "high": 20}
# Tickets that are not sent have log entries of the former service, which had no deliveries.
_OPS_STATES = {"delivered": 70, "failed": 10, "cancelled": 5, "not_sent": 15}


def ticket_row(source: RandomSource, id: str, created_at: datetime, *, age_days: int) -> Row:
    """Return the row of a ticket; the order of the fields determines the random values."""
    given, family = source.pick(vocabulary.GIVEN_NAMES), source.pick(vocabulary.FAMILY_NAMES)
    category = source.pick(vocabulary.CATEGORIES)
    percentages = next(status for days, status in _STATUS_BY_AGE_DAYS if age_days >= days)
    status = source.weighted(percentages)
    return {
        # Fields that the demo data does not vary keep the default of a new ticket.
        **NEW_TICKET,
        "id": id,
        "subject": _fill_in(source, source.pick(category.subjects)),
        "description": _description(source, category),
        "status": status,
        "priority": source.weighted(_PRIORITIES),
        "category": category.name,
        "customer_name": f"{given} {family}",
        "customer_email": f"{_mailbox(given, family)}@{source.pick(vocabulary.DOMAINS)}",
        "customer_phone": _phone(source) if source.happens(0.7) else None,
        "assigned_to": (
            None if status == "open" and source.happens(0.7) else source.pick(vocabulary.AGENTS)
        ),
        "metadata": _metadata(source),
        "created_at": created_at,
        "updated_at": created_at,
        "version": 1,
        "ops_state": source.weighted(_OPS_STATES),
    }


def _description(source: RandomSource, category: vocabulary.Category) -> str:
    count = source.between(1, len(category.sentences))
    sentences = source.sample(category.sentences, count)
    separator = "\n\n" if source.happens(0.3) else " "
    return separator.join(_fill_in(source, sentence) for sentence in sentences)


def _fill_in(source: RandomSource, text: str) -> str:
    return text.format(
        product=source.pick(vocabulary.PRODUCTS),
        number=source.between(11, 9_999),
        place=source.pick(vocabulary.PLACES),
    )


def _metadata(source: RandomSource) -> str | None:
    pick = source.pick
    metadata: Row
    match source.between(0, 5):
        case 0:
            return None
        case 1:
            metadata = {"source": "email", "language": pick(vocabulary.LANGUAGES)}
        case 2:
            metadata = {
                "source": "web",
                "client": {
                    "browser": pick(vocabulary.BROWSERS),
                    "system": pick(vocabulary.SYSTEMS),
                },
            }
        case 3:
            metadata = {"source": "phone", "duration_s": source.between(30, 1_800)}
        case 4:
            metadata = {"plan": pick(vocabulary.PLANS), "seats": source.between(1, 500)}
        case _:
            metadata = {
                "source": "api",
                "order": {
                    "number": source.between(10_000, 99_999),
                    "total": source.amount(5, 900),
                    "items": [pick(vocabulary.PRODUCTS) for _ in range(source.between(1, 3))],
                },
            }
    if source.happens(0.4):
        metadata["tags"] = sorted(source.sample(vocabulary.TAGS, source.between(1, 3)))
    return orjson.dumps(metadata).decode()


def _phone(source: RandomSource) -> str:
    # NANP and Ofcom reserve these ranges for fiction.
    if source.happens(0.5):
        return f"+1 {source.between(201, 989)} 555 01{source.between(0, 99):02}"
    return f"+44 20 7946 0{source.between(0, 999):03}"


def _mailbox(given: str, family: str) -> str:
    letters = normalize("NFKD", f"{given}.{family}".lower().replace("ø", "o"))
    return "".join(letter for letter in letters if letter.isascii() and letter not in " '")
