"""Queries for tickets: by id, as pages, and counted by group."""

from enum import StrEnum
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from resolvers.tickets.groups import MAX_COUNTED, count_groups
from resolvers.tickets.queries import TicketSort, find_ticket, find_tickets
from schema.common.connection import After, Before, First, Last
from schema.common.enums import OrderDirection, describe
from schema.common.inputs import Data, input_object, without_unset
from schema.common.node import Info
from schema.preparation.fast_resolver import fast_resolver
from schema.tickets.filters import TicketFilter, TicketOrder, TicketOrderField

Filter = Annotated[
    Data | None,
    input_object(TicketFilter | None, "Include only matching tickets; all by default."),
]


class TicketGroupField(StrEnum):
    """Group key of tickets: the name of a column."""

    STATUS = "status"
    PRIORITY = "priority"
    CATEGORY = "category"
    ASSIGNED_TO = "assigned_to"
    OPS_STATE = "ops_state"


describe(
    TicketGroupField,
    "Field that `ticketGroups` counts tickets by.",
    {
        TicketGroupField.STATUS: "Status.",
        TicketGroupField.PRIORITY: "Priority.",
        TicketGroupField.CATEGORY: "Category.",
        TicketGroupField.ASSIGNED_TO: "Assignee; the key is null for unassigned tickets.",
        TicketGroupField.OPS_STATE: "Delivery state.",
    },
)


@strawberry.type(description="Group of tickets that have the same value of a field.")
class TicketGroup:
    key: str | None = strawberry.field(
        description="Value of the field in the form of the API, such as IN_PROGRESS; null for"
        " tickets without a value."
    )
    count: int = strawberry.field(
        description="Number of tickets in the group. Exact if all groups together have at most"
        f" {MAX_COUNTED:,} tickets. Otherwise the count of a group with more than its share,"
        f" {MAX_COUNTED:,} divided by the number of groups, is an estimate: see `countIsEstimate`."
    )
    count_is_estimate: bool = strawberry.field(
        description="Whether `count` is an estimate from the statistics of the database. Never true"
        " for a filter without an index, such as `contains`, for which all tickets are read."
    )


@fast_resolver
def ticket(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Id of the ticket.")],
) -> Any:
    """Resolve `ticket`."""
    return find_ticket(info.context, id)


@fast_resolver
def tickets(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Filter = UNSET,
    order_by: Annotated[
        Data | None, input_object(TicketOrder | None, "Sort order; newest first by default.")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    """Resolve `tickets`."""
    arguments = without_unset(filter=filter, first=first, after=after, last=last, before=before)
    if order_by:
        arguments["order_by"] = _sort(**order_by)
    return find_tickets(info.context, **arguments)


def _sort(*, field: TicketOrderField, direction: OrderDirection) -> TicketSort:
    return TicketSort(field.value, descending=direction is OrderDirection.DESC)


@fast_resolver
async def ticket_groups(
    info: Info,
    by: Annotated[TicketGroupField, strawberry.argument(description="Field to count by.")],
    filter: Filter = UNSET,
) -> Any:
    """Resolve `ticketGroups`."""
    return await count_groups(info.context, by.value, **without_unset(filter=filter))
