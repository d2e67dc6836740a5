"""Filters of log entries and deliveries."""

from dataclasses import fields

import strawberry
from strawberry import UNSET

from resolvers.filter_operators import check_filter
from resolvers.tables import DELIVERIES, LOG_ENTRIES
from schema.common.enums import LogAction, LogStatus
from schema.common.filters import DateTimeFilter, IDFilter, OpsStateFilter


@strawberry.input(description="Filter for log entries. Fields are joined by AND.")
class LogEntryFilter:
    ticket_id: IDFilter | None = strawberry.field(default=UNSET, description="Id of the ticket.")
    delivery_id: IDFilter | None = strawberry.field(
        default=UNSET, description="Id of the delivery."
    )
    action: list[LogAction] | None = strawberry.field(
        default=UNSET, description="One of these actions; an empty list matches nothing."
    )
    status: list[LogStatus] | None = strawberry.field(
        default=UNSET, description="One of these results; an empty list matches nothing."
    )
    timestamp: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="Time at which the communication ended."
    )


check_filter(LOG_ENTRIES, (field.name for field in fields(LogEntryFilter)))


@strawberry.input(description="Filter for deliveries. Fields are joined by AND.")
class OpsDeliveryFilter:
    ticket_id: IDFilter | None = strawberry.field(default=UNSET, description="Id of the ticket.")
    state: OpsStateFilter | None = strawberry.field(default=UNSET, description="State.")
    created_at: DateTimeFilter | None = strawberry.field(
        default=UNSET, description="Time of creation."
    )


check_filter(DELIVERIES, (field.name for field in fields(OpsDeliveryFilter)))
