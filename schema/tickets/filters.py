"""Filter and sort order of tickets."""

from dataclasses import fields
from enum import StrEnum

import strawberry
from strawberry import UNSET

from resolvers.filter_operators import check_filter
from resolvers.tables import TICKETS, check_sort_keys
from resolvers.tickets.filters import NOT_COLUMNS
from schema.common.enums import OrderDirection, describe
from schema.common.filters import (
    DateTimeFilter,
    IDFilter,
    JSONFilter,
    OpsStateFilter,
    StringFilter,
    TicketPriorityFilter,
    TicketStatusFilter,
)


@strawberry.input(
    description="Filter for tickets. Fields are joined by AND; an empty object matches every"
    " ticket. At most 1,000 conditions in total."
)
class TicketFilter:
    and_: list["TicketFilter"] | None = strawberry.field(
        default=UNSET, name="and", description="Matches all of these; an empty list matches none."
    )
    or_: list["TicketFilter"] | None = strawberry.field(
        default=UNSET,
        name="or",
        description="Matches at least one of these; an empty list matches none.",
    )
    not_: "TicketFilter | None" = strawberry.field(
        default=UNSET, name="not", description="Does not match this filter."
    )
    search: str | None = strawberry.field(
        default=UNSET,
        description="Full-text search over subject, description and customer, in web search"
        ' syntax (`"exact phrase"`, `or`, `-excluded`). Case is ignored, and NFC equals NFD. Words'
        " are found by their English stem, and words of other languages as they are written. In"
        " Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese, any part of a text is found."
        " English stop words are ignored next to other words, except in phrases and exclusions."
        " At most 1,000 characters; blank text matches every ticket.",
    )
    id: IDFilter | None = strawberry.field(default=UNSET, description="Id.")
    subject: StringFilter | None = strawberry.field(default=UNSET, description="Subject.")
    status: TicketStatusFilter | None = strawberry.field(default=UNSET, description="Status.")
    priority: TicketPriorityFilter | None = strawberry.field(default=UNSET, description="Priority.")
    category: StringFilter | None = strawberry.field(default=UNSET, description="Category.")
    customer_name: StringFilter | None = strawberry.field(
        default=UNSET, description="Customer's name."
    )
    customer_email: StringFilter | None = strawberry.field(
        default=UNSET, description="Customer's email address."
    )
    assigned_to: StringFilter | None = strawberry.field(default=UNSET, description="Assignee.")
    created_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="Time of creation."
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="Time of the last change."
    )
    metadata: JSONFilter | None = strawberry.field(default=UNSET, description="Metadata.")
    ops_state: OpsStateFilter | None = strawberry.field(
        default=UNSET, description="Delivery state."
    )


check_filter(TICKETS, {field.name.rstrip("_") for field in fields(TicketFilter)} - NOT_COLUMNS)


class TicketOrderField(StrEnum):
    """Sort key of tickets: the name of a column."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    PRIORITY = "priority"
    STATUS = "status"
    SUBJECT = "subject"


check_sort_keys(TicketOrderField)
describe(
    TicketOrderField,
    "Sort key of tickets.",
    {
        TicketOrderField.CREATED_AT: "Time of creation.",
        TicketOrderField.UPDATED_AT: "Time of the last change.",
        TicketOrderField.PRIORITY: "Priority, in the order LOW, MEDIUM, HIGH.",
        TicketOrderField.STATUS: "Status, in the order OPEN, IN_PROGRESS, PENDING, RESOLVED,"
        " CLOSED.",
        TicketOrderField.SUBJECT: "Subject, in the database's collation.",
    },
)


@strawberry.input(description="Sort order of tickets. Ties are broken by id.")
class TicketOrder:
    field: TicketOrderField = strawberry.field(description="Sort key.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Direction; ascending by default."
    )
