"""Queries about OPS: log entries, deliveries, the status of a ticket there, and health."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import strawberry
from strawberry import UNSET

from resolvers import deliveries
from resolvers import ops_health as health
from resolvers.log_entries import find_log_entries
from schema.common.connection import After, Before, First, Last
from schema.common.enums import CircuitState, OpsRemoteStatus
from schema.common.errors import ERRORS, UserError, returns_errors, user_errors
from schema.common.inputs import Data, input_object, without_unset
from schema.common.node import Info
from schema.ops.filters import LogEntryFilter, OpsDeliveryFilter
from schema.ops.log_entry import LogEntry
from schema.preparation.fast_resolver import fast_resolver

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket


LazyTicket: TypeAlias = Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")]


@strawberry.type(description="State of the delivery to OPS.")
class OpsHealth:
    circuit: CircuitState = strawberry.field(
        description="Circuit breaker for calls to OPS, in the server process that handles the"
        " request."
    )
    pending: int = strawberry.field(
        description="Number of PENDING deliveries, exact up to 10,000: see `pendingIsEstimate`."
    )
    pending_is_estimate: bool = strawberry.field(
        description="Whether `pending` is an estimate from the statistics of the database, because"
        " it is above 10,000."
    )
    failed: int = strawberry.field(
        description="Number of FAILED deliveries, exact up to 10,000: see `failedIsEstimate`."
    )
    failed_is_estimate: bool = strawberry.field(
        description="Whether `failed` is an estimate from the statistics of the database, because"
        " it is above 10,000."
    )
    oldest_pending_at: datetime | None = strawberry.field(
        description="Time of creation of the oldest PENDING delivery; null if none is pending."
    )


@strawberry.type(description="Result of `opsStatus`.")
class OpsStatusPayload:
    ticket: LazyTicket | None = strawberry.field(
        default=None, description="The ticket; null if it was not queried."
    )
    status: OpsRemoteStatus | None = strawberry.field(
        default=None, description="Status reported by OPS; null if OPS did not respond."
    )
    reference: str | None = strawberry.field(default=None, description="OPS's id for the ticket.")
    checked_at: datetime | None = strawberry.field(default=None, description="Time of the query.")
    log_entry: LogEntry | None = strawberry.field(
        default=None, description="Log entry of the query; null if OPS was not called."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@fast_resolver
def log_entries(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Annotated[
        Data | None,
        input_object(LogEntryFilter | None, "Return only matching entries; all by default."),
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    """Resolve `logEntries`."""
    arguments = without_unset(filter=filter, first=first, after=after, last=last, before=before)
    return find_log_entries(info.context, **arguments)


@fast_resolver
def ops_deliveries(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Annotated[
        Data | None,
        input_object(OpsDeliveryFilter | None, "Return only matching deliveries; all by default."),
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    """Resolve `opsDeliveries`."""
    arguments = without_unset(filter=filter, first=first, after=after, last=last, before=before)
    return deliveries.find_deliveries(info.context, **arguments)


@fast_resolver
@returns_errors(OpsStatusPayload)
async def ops_status(
    info: Info,
    ticket_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the ticket.")],
) -> OpsStatusPayload:
    """Resolve `opsStatus`."""
    checked = await deliveries.ops_status(info.context, ticket_id)
    return OpsStatusPayload(
        ticket=cast("Ticket", checked.ticket),
        status=checked.status,
        reference=checked.reference,
        checked_at=checked.checked_at,
        log_entry=cast("LogEntry", checked.log_entry),
        errors=user_errors([checked.error]),
    )


@fast_resolver
async def ops_health(info: Info) -> Any:
    """Resolve `opsHealth`."""
    return await health.ops_health(info.context)
