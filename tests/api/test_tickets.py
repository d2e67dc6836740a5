"""ticket returns a ticket by id, with each field as stored."""

from datetime import UTC, datetime

from engine.database.queries import fetch
from models import Ticket
from tests.api.operations import Ask, create, send


async def test_a_ticket_is_read_by_its_id(ask: Ask) -> None:
    document = "query ($id: ID!) { ticket(id: $id) { id subject } }"
    ticket_id = await create(ask, subject="Printer")
    assert await ask(document, id=ticket_id) == {"ticket": {"id": ticket_id, "subject": "Printer"}}


async def test_an_unknown_ticket_is_null(ask: Ask) -> None:
    assert await ask('{ ticket(id: "nobody") { id } }') == {"ticket": None}


async def test_metadata_is_returned_exactly_as_stored(ask: Ask) -> None:
    # Numbers beyond 64 bits, as another program may write them.
    ticket_id = await create(ask)
    metadata = '{"id": 123456789012345678901234567890, "price": 1.10, "note": "ü\\u0001"}'
    await fetch("UPDATE tickets SET metadata = $2::jsonb WHERE id = $1", [ticket_id, metadata])
    answer = await ask("query ($id: ID!) { ticket(id: $id) { metadata } }", id=ticket_id)
    assert answer["ticket"]["metadata"] == {
        "id": 123456789012345678901234567890,
        "price": 1.1,
        "note": "ü\x01",
    }


async def test_timestamps_are_returned_in_utc(ask: Ask) -> None:
    ticket_id = await create(ask)
    moment = datetime(2026, 1, 31, 8, 15, 30, 120, tzinfo=UTC)
    await Ticket.filter(id=ticket_id).update(
        created_at=moment, updated_at=moment.replace(microsecond=0)
    )
    answer = await ask("query ($id: ID!) { ticket(id: $id) { createdAt updatedAt } }", id=ticket_id)
    assert answer["ticket"] == {
        "createdAt": "2026-01-31T08:15:30.000120Z",
        "updatedAt": "2026-01-31T08:15:30Z",
    }


async def test_rows_without_the_later_columns_are_readable(ask: Ask) -> None:
    document = """
        {
          ticket(id: "old") {
            status priority category updatedAt version opsState delivery { id }
          }
        }
    """
    await fetch(
        """
        INSERT INTO tickets (id, subject, description, customer_name, customer_email)
        VALUES ('old', 'S', 'D', 'N', 'n@example.com')
        """,
        [],
    )
    ticket = (await ask(document))["ticket"]
    assert ticket.pop("updatedAt")
    assert ticket == {
        "status": "OPEN",
        "priority": "MEDIUM",
        "category": "general",
        "version": 1,
        "opsState": "NOT_SENT",
        "delivery": None,
    }


async def test_delivery_is_the_newest_delivery(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          ticket(id: $id) { opsState delivery { id state ticket { id } } }
        }
    """
    ticket_id = await create(ask)
    await send(ask, ticket_id)
    newest = await send(ask, ticket_id)
    assert (await ask(document, id=ticket_id))["ticket"] == {
        "opsState": "DELIVERED",
        "delivery": {"id": newest, "state": "DELIVERED", "ticket": {"id": ticket_id}},
    }


async def test_a_field_is_returned_under_each_alias(ask: Ask) -> None:
    document = """
        query ($id: ID!) {
          one: ticket(id: $id) { b: subject a: subject subject __typename kind: __typename }
          two: ticket(id: $id) { subject ...more }
        }
        fragment more on Ticket { subject version ... on Node { id } }
    """
    ticket_id = await create(ask, subject="S")
    answer = await ask(document, id=ticket_id)
    assert answer["one"] == {
        "b": "S",
        "a": "S",
        "subject": "S",
        "__typename": "Ticket",
        "kind": "Ticket",
    }
    assert list(answer["one"]) == ["b", "a", "subject", "__typename", "kind"]
    assert answer["two"] == {"subject": "S", "version": 1, "id": ticket_id}


async def test_skipped_fields_are_absent(ask: Ask) -> None:
    document = """
        query ($id: ID!, $with: Boolean!) {
          ticket(id: $id) {
            id @skip(if: $with)
            subject @include(if: $with)
            ... on Ticket @include(if: $with) { version }
          }
        }
    """
    ticket_id = await create(ask, subject="S")
    answer = await ask(document, id=ticket_id, **{"with": True})
    assert answer["ticket"] == {"subject": "S", "version": 1}
    answer = await ask(document, id=ticket_id, **{"with": False})
    assert answer["ticket"] == {"id": ticket_id}
