"""What can be asked."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
from strawberry import UNSET

from resolvers.deliveries import find_deliveries, ops_health, ops_status
from resolvers.log_entries import find_log_entries
from resolvers.nodes import find_node, find_nodes
from resolvers.tickets.queries import (
    TicketSort,
    count_groups,
    find_ticket,
    find_tickets,
)
from schema.common.enums import (
    CircuitState,
    OpsRemoteStatus,
    OrderDirection,
    TicketGroupField,
    TicketOrderField,
)
from schema.common.errors import UserError, returns_errors, user_errors
from schema.common.filters import LogEntryFilter, OpsDeliveryFilter, TicketFilter, TicketOrder
from schema.common.inputs import fields_of, given
from schema.common.node import After, Before, First, Info, Last, Node
from schema.ops.delivery import OpsDeliveryConnection
from schema.ops.log_entry import LogEntry, LogEntryConnection
from schema.tickets.ticket import Ticket, TicketConnection

Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]


@strawberry.type(description="How many tickets have one value.")
class TicketGroup:
    """How many tickets have one value."""

    key: str | None = strawberry.field(
        description="The group's value as the API writes it; null where the field is null."
    )
    count: int = strawberry.field(description="How many tickets have it.")


@strawberry.type(description="How it stands with what is to be brought to OPS.")
class OpsHealth:
    """How it stands with what is to be brought to OPS."""

    circuit: CircuitState = strawberry.field(
        description="Whether this server lets calls to OPS through."
    )
    pending: int = strawberry.field(description="How many deliveries are being tried.")
    failed: int = strawberry.field(description="How many deliveries were given up.")
    oldest_pending_at: datetime | None = strawberry.field(
        description="When the oldest of the pending ones was ordered; null where there is none."
    )


@strawberry.type(description="Who is asking.")
class Viewer:
    """Who is asking."""

    name: str | None = strawberry.field(description="Null for an anonymous caller.")
    scopes: list[str] = strawberry.field(description="What the caller may do.")


@strawberry.type(description="What OPS said of a ticket.")
class OpsStatusPayload:
    """What OPS said of a ticket."""

    ticket: Ticket | None = strawberry.field(
        default=None, description="The ticket that was asked about."
    )
    status: OpsRemoteStatus | None = strawberry.field(
        default=None, description="How far it is; null when OPS gave no answer."
    )
    reference: str | None = strawberry.field(default=None, description="OPS's own id of it.")
    checked_at: datetime | None = strawberry.field(default=None, description="When OPS was asked.")
    log_entry: LogEntry | None = strawberry.field(
        default=None, description="What is kept of the answer."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="What went wrong; empty where nothing did."
    )


def _node(info: Info, id: Id) -> Any:
    return find_node(info.context, id)


def _nodes(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")],
) -> Any:
    return find_nodes(info.context, ids)


def _ticket(info: Info, id: Id) -> Any:
    return find_ticket(info.context, id)


def _tickets(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Annotated[
        TicketFilter | None, strawberry.argument(description="Which of them; all by default.")
    ] = UNSET,
    order_by: Annotated[
        TicketOrder | None, strawberry.argument(description="Their order; newest first by default.")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(filter=filter, first=first, after=after, last=last, before=before)
    if order_by:
        arguments["order_by"] = _order(**fields_of(order_by))
    return find_tickets(info.context, **arguments)


def _order(*, field: TicketOrderField, direction: OrderDirection) -> TicketSort:
    return TicketSort(field.value, descending=direction is OrderDirection.DESC)


async def _ticket_groups(
    info: Info,
    by: Annotated[TicketGroupField, strawberry.argument(description="By what.")],
    filter: Annotated[
        TicketFilter | None, strawberry.argument(description="Which tickets; all by default.")
    ] = UNSET,
) -> Any:
    return await count_groups(info.context, by.value, **given(filter=filter))


def _log_entries(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Annotated[
        LogEntryFilter | None, strawberry.argument(description="Which of them; all by default.")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(filter=filter, first=first, after=after, last=last, before=before)
    return find_log_entries(info.context, **arguments)


def _ops_deliveries(  # noqa: PLR0917  # the arguments of a connection
    info: Info,
    filter: Annotated[
        OpsDeliveryFilter | None, strawberry.argument(description="Which of them; all by default.")
    ] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    arguments = given(filter=filter, first=first, after=after, last=last, before=before)
    return find_deliveries(info.context, **arguments)


@returns_errors(OpsStatusPayload)
async def _ops_status(
    info: Info,
    ticket_id: Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")],
) -> OpsStatusPayload:
    answer = await ops_status(info.context, ticket_id)
    return OpsStatusPayload(
        ticket=cast("Ticket", answer.ticket),
        status=answer.status,
        reference=answer.reference,
        checked_at=answer.checked_at,
        log_entry=cast("LogEntry", answer.log_entry),
        errors=user_errors([answer.error]),
    )


async def _ops_health(info: Info) -> Any:
    return await ops_health(info.context)


def _viewer(info: Info) -> Viewer:
    caller = info.context.caller
    return Viewer(name=caller.name, scopes=sorted(caller.scopes))


@strawberry.type(description="What can be asked.")
class Query:
    """What can be asked."""

    node: Node | None = strawberry.field(
        resolver=_node, description="Whatever has this id; null where nothing has."
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=_nodes,
        description="In the order asked for, null where there is none; at most 100 ids.",
    )
    ticket: Ticket | None = strawberry.field(
        resolver=_ticket, description="The ticket with this id; null where there is none."
    )
    tickets: TicketConnection = strawberry.field(
        resolver=_tickets,
        description="The tickets that fit, newest first unless orderBy says otherwise.",
    )
    ticket_groups: list[TicketGroup] = strawberry.field(
        resolver=_ticket_groups, description="How many tickets have each value, largest first."
    )
    log_entries: LogEntryConnection = strawberry.field(
        resolver=_log_entries, description="The communications with OPS that fit, newest first."
    )
    ops_deliveries: OpsDeliveryConnection = strawberry.field(
        resolver=_ops_deliveries, description="The deliveries that fit, newest first."
    )
    ops_status: OpsStatusPayload = strawberry.field(
        resolver=_ops_status,
        description="Asks OPS now how far a ticket is, and logs the answer as a QUERY entry.",
    )
    ops_health: OpsHealth = strawberry.field(
        resolver=_ops_health, description="How it stands with what is to be brought to OPS."
    )
    viewer: Viewer = strawberry.field(resolver=_viewer, description="Who is asking.")
