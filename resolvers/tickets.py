"""Tickets found, counted, and read with what belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from engine.database.client import fetch
from engine.sql.expressions import concatenate, render
from engine.sql.queries import Nodes, Page, SingleRow, by_key
from resolvers.context import Context
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.filters import TicketFilter, ticket_condition
from resolvers.pages import PageArguments, page_of
from resolvers.tables import NODE_TABLES, TICKET_ORDERS, TICKETS
from resolvers.text_validation import checked_id

MAX_NODES = 100


@dataclass(frozen=True, slots=True)
class TicketOrder:
    """By which column tickets are listed, ties broken by id."""

    field: str = "created_at"
    descending: bool = True


NEWEST_FIRST = TicketOrder()


@dataclass(frozen=True, slots=True)
class TicketGroup:
    """How many tickets have one value in a column."""

    key: str | None
    count: int


def find_node(context: Context, id: str) -> Nodes:  # noqa: ARG001  # the domain's word; one signature for all
    """Return whatever has this id."""
    return Nodes(NODE_TABLES, (checked_id(id, "id"),), single=True)


def find_nodes(context: Context, ids: Sequence[str]) -> Nodes:  # noqa: ARG001  # one signature for all
    """Return what has these ids, in their order; at most 100."""
    if len(ids) > MAX_NODES:
        message = f"ids must have at most {MAX_NODES} items, not {len(ids)}."
        raise InvalidInput(ErrorCode.INVALID, message, "ids")
    return Nodes(NODE_TABLES, tuple(checked_id(one, "ids") for one in ids))


def find_ticket(context: Context, id: str) -> SingleRow:  # noqa: ARG001  # the domain's word; one signature for all
    """Return the ticket with this id."""
    return by_key(TICKETS, checked_id(id, "id"))


def find_ticket_of(context: Context, ticket_id: str) -> SingleRow:  # noqa: ARG001  # one signature for all
    """Return the ticket that a row belongs to."""
    return by_key(TICKETS, ticket_id)


def find_tickets(
    context: Context,  # noqa: ARG001  # one signature for all
    *,
    filter: TicketFilter | None = None,  # the API's word
    order_by: TicketOrder = NEWEST_FIRST,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the tickets that fit."""
    order = TICKET_ORDERS[order_by.field, order_by.descending]
    return page_of(TICKETS, order, ticket_condition(filter), arguments)


async def count_groups(
    context: Context,  # noqa: ARG001  # one signature for all
    by: str,
    *,
    filter: TicketFilter | None = None,  # the API's word
) -> list[TicketGroup]:
    """Return how many tickets have each value of a column, the most first."""
    column = TICKETS.columns[by]
    statement = concatenate(
        (
            f"SELECT {column.sql} AS key, count(*) FROM {TICKETS.name} WHERE ",
            ticket_condition(filter),
            " GROUP BY key ORDER BY count DESC, key",
        )
    )
    return [
        TicketGroup(key if column.names is None else column.names[key], count)
        for key, count in await fetch(*render(statement))
    ]
