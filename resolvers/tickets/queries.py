"""Queries for tickets: by id, and as pages."""

from dataclasses import dataclass
from typing import Unpack

from engine.sql.queries import Page, SingleRow, by_key
from resolvers.context import Context
from resolvers.pages import PageArguments, page_of
from resolvers.tables import TICKET_ORDERS, TICKETS
from resolvers.text_validation import checked_id
from resolvers.tickets.filters import TicketFilter, ticket_condition


@dataclass(frozen=True, slots=True)
class TicketSort:
    """Sort order of tickets; ties are broken by id."""

    field: str = "created_at"
    descending: bool = True


NEWEST_FIRST = TicketSort()


def find_ticket(context: Context, id: str) -> SingleRow:  # noqa: ARG001  # every resolver takes it
    """Return the ticket with this id."""
    return by_key(TICKETS, checked_id(id, "id"))


def find_ticket_of(context: Context, ticket_id: str) -> SingleRow:  # noqa: ARG001  # every resolver takes it
    """Return the ticket of a row that refers to it."""
    return by_key(TICKETS, ticket_id)


def find_tickets(
    context: Context,  # noqa: ARG001  # every resolver takes it
    *,
    filter: TicketFilter | None = None,
    order_by: TicketSort = NEWEST_FIRST,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the matching tickets."""
    order = TICKET_ORDERS[order_by.field, order_by.descending]
    return page_of(TICKETS, order, ticket_condition(filter), arguments)
