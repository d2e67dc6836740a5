"""The inputs that say which rows, and in which order.

Fields of one input are joined by AND. An empty list matches nothing; an empty
object matches everything. Comparisons of strings are case-sensitive unless named
otherwise. A comparison must not be null: leave it out instead.
"""

from datetime import datetime

import strawberry
from strawberry import UNSET

from schema.common.enums import (
    LogAction,
    LogStatus,
    OpsState,
    OrderDirection,
    TicketOrderField,
    TicketPriority,
    TicketStatus,
)
from schema.common.scalars import JSON


@strawberry.input(description="Compares text; case-sensitive unless named otherwise.")
class StringFilter:
    """Compares text; case-sensitive unless named otherwise."""

    eq: str | None = strawberry.field(default=UNSET, description="Equal to this.")
    neq: str | None = strawberry.field(
        default=UNSET, description="Not equal to this; also true where there is no value."
    )
    in_: list[str] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    nin: list[str] | None = strawberry.field(
        default=UNSET, description="None of these; also true where there is no value."
    )
    contains: str | None = strawberry.field(default=UNSET, description="Has this within it.")
    contains_ignore_case: str | None = strawberry.field(
        default=UNSET, description="Has this within it, in whatever case."
    )
    starts_with: str | None = strawberry.field(default=UNSET, description="Begins with this.")
    is_null: bool | None = strawberry.field(default=UNSET, description="Whether there is no value.")


@strawberry.input(description="Compares ids.")
class IDFilter:
    """Compares ids."""

    eq: strawberry.ID | None = strawberry.field(default=UNSET, description="Equal to this.")
    neq: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Not equal to this; also true where there is no value."
    )
    in_: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, name="in", description="One of these."
    )
    nin: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="None of these; also true where there is no value."
    )


@strawberry.input(description="Compares moments.")
class DateTimeFilter:
    """Compares moments."""

    eq: datetime | None = strawberry.field(default=UNSET, description="At this very moment.")
    gt: datetime | None = strawberry.field(default=UNSET, description="After this.")
    gte: datetime | None = strawberry.field(default=UNSET, description="At this or after.")
    lt: datetime | None = strawberry.field(default=UNSET, description="Before this.")
    lte: datetime | None = strawberry.field(default=UNSET, description="At this or before.")


@strawberry.input(description="Compares the status of tickets.")
class TicketStatusFilter:
    """Compares the status of tickets."""

    eq: TicketStatus | None = strawberry.field(default=UNSET, description="Equal to this.")
    neq: TicketStatus | None = strawberry.field(
        default=UNSET, description="Not equal to this; also true where there is no value."
    )
    in_: list[TicketStatus] | None = strawberry.field(
        default=UNSET, name="in", description="One of these."
    )
    nin: list[TicketStatus] | None = strawberry.field(
        default=UNSET, description="None of these; also true where there is no value."
    )


@strawberry.input(description="Compares the priority of tickets: LOW < MEDIUM < HIGH.")
class TicketPriorityFilter:
    """Compares the priority of tickets: LOW < MEDIUM < HIGH."""

    eq: TicketPriority | None = strawberry.field(default=UNSET, description="Equal to this.")
    neq: TicketPriority | None = strawberry.field(
        default=UNSET, description="Not equal to this; also true where there is no value."
    )
    in_: list[TicketPriority] | None = strawberry.field(
        default=UNSET, name="in", description="One of these."
    )
    nin: list[TicketPriority] | None = strawberry.field(
        default=UNSET, description="None of these; also true where there is no value."
    )
    gte: TicketPriority | None = strawberry.field(
        default=UNSET, description="This or a higher one."
    )
    lte: TicketPriority | None = strawberry.field(default=UNSET, description="This or a lower one.")


@strawberry.input(description="Compares where tickets stand on their way to OPS.")
class OpsStateFilter:
    """Compares where tickets stand on their way to OPS."""

    eq: OpsState | None = strawberry.field(default=UNSET, description="Equal to this.")
    neq: OpsState | None = strawberry.field(
        default=UNSET, description="Not equal to this; also true where there is no value."
    )
    in_: list[OpsState] | None = strawberry.field(
        default=UNSET, name="in", description="One of these."
    )
    nin: list[OpsState] | None = strawberry.field(
        default=UNSET, description="None of these; also true where there is no value."
    )


@strawberry.input(description="Compares JSON values.")
class JSONFilter:
    """Compares JSON values."""

    contains: JSON | None = strawberry.field(
        default=UNSET, description="The stored value contains this one (jsonb @>)."
    )
    has_key: str | None = strawberry.field(
        default=UNSET,
        description="The stored value is an object with this key, or a list with this string.",
    )
    is_null: bool | None = strawberry.field(default=UNSET, description="Whether there is no value.")


@strawberry.input(
    description="Which tickets. Fields are joined by AND; an empty object matches everything."
    " At most 1,000 conditions in all."
)
class TicketFilter:
    """Which tickets. Fields are joined by AND; an empty object matches everything."""

    and_: list["TicketFilter"] | None = strawberry.field(
        default=UNSET, name="and", description="All of these; an empty list matches nothing."
    )
    or_: list["TicketFilter"] | None = strawberry.field(
        default=UNSET, name="or", description="Any of these; an empty list matches nothing."
    )
    not_: "TicketFilter | None" = strawberry.field(
        default=UNSET, name="not", description="Everything but this."
    )
    search: str | None = strawberry.field(
        default=UNSET,
        description="Full-text search over subject, description and customer, in web-search"
        " syntax, at most 1,000 characters; blank matches everything.",
    )
    id: IDFilter | None = strawberry.field(default=UNSET, description="Their id.")
    subject: StringFilter | None = strawberry.field(default=UNSET, description="Their subject.")
    status: TicketStatusFilter | None = strawberry.field(default=UNSET, description="Their status.")
    priority: TicketPriorityFilter | None = strawberry.field(
        default=UNSET, description="Their priority."
    )
    category: StringFilter | None = strawberry.field(default=UNSET, description="Their category.")
    customer_name: StringFilter | None = strawberry.field(
        default=UNSET, description="The customer's name."
    )
    customer_email: StringFilter | None = strawberry.field(
        default=UNSET, description="The customer's e-mail address."
    )
    assigned_to: StringFilter | None = strawberry.field(
        default=UNSET, description="Who they are assigned to."
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="When they were made."
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="When they last changed."
    )
    metadata: JSONFilter | None = strawberry.field(default=UNSET, description="Their metadata.")
    ops_state: OpsStateFilter | None = strawberry.field(
        default=UNSET, description="Where they stand on their way to OPS."
    )


@strawberry.input(description="Which communications with OPS. Fields are joined by AND.")
class LogEntryFilter:
    """Which communications with OPS. Fields are joined by AND."""

    ticket_id: IDFilter | None = strawberry.field(default=UNSET, description="About which tickets.")
    delivery_id: IDFilter | None = strawberry.field(
        default=UNSET, description="Of which deliveries."
    )
    action: list[LogAction] | None = strawberry.field(
        default=UNSET, description="One of these actions; an empty list matches nothing."
    )
    status: list[LogStatus] | None = strawberry.field(
        default=UNSET, description="One of these results; an empty list matches nothing."
    )
    timestamp: DateTimeFilter | None = strawberry.field(default=UNSET, description="When it was.")


@strawberry.input(description="Which deliveries. Fields are joined by AND.")
class OpsDeliveryFilter:
    """Which deliveries. Fields are joined by AND."""

    ticket_id: IDFilter | None = strawberry.field(default=UNSET, description="Of which tickets.")
    state: OpsStateFilter | None = strawberry.field(default=UNSET, description="Their state.")
    created_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="When they were ordered."
    )


@strawberry.input(description="How tickets are listed; ties are broken by id.")
class TicketOrder:
    """How tickets are listed; ties are broken by id."""

    field: TicketOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which end comes first."
    )
