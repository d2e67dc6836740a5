"""The root type Query."""

from typing import Annotated, Any

import strawberry

from resolvers.nodes import find_node, find_nodes
from schema.common.connection import Connection
from schema.common.node import Info, Node
from schema.ops.delivery import OpsDelivery
from schema.ops.log_entry import LogEntry
from schema.ops.queries import (
    OpsHealth,
    OpsStatusPayload,
    log_entries,
    ops_deliveries,
    ops_health,
    ops_status,
)
from schema.preparation.fast_resolver import fast_resolver
from schema.tickets.queries import TicketGroup, ticket, ticket_groups, tickets
from schema.tickets.ticket import Ticket


@strawberry.type(description="The authenticated caller.")
class Viewer:
    name: str | None = strawberry.field(description="Name; null for an anonymous caller.")
    scopes: list[str] = strawberry.field(
        description="Scopes granted to the caller, sorted: any of admin, ops, read and write."
    )


@fast_resolver
def _node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Id of the object.")],
) -> Any:
    return find_node(info.context, id)


@fast_resolver
def _nodes(
    info: Info,
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="Ids of the objects: at most 100.")
    ],
) -> Any:
    return find_nodes(info.context, ids)


@fast_resolver
def _viewer(info: Info) -> Viewer:
    caller = info.context.caller
    return Viewer(name=caller.name, scopes=sorted(caller.scopes))


@strawberry.type(description="Operations that read data.")
class Query:
    node: Node | None = strawberry.field(
        resolver=_node, description="The object with this id, of any type; null if there is none."
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=_nodes,
        description="The objects with these ids, in the order of `ids`; null for unknown ids.",
    )
    ticket: Ticket | None = strawberry.field(
        resolver=ticket, description="The ticket with this id; null if there is none."
    )
    tickets: Connection[Ticket] = strawberry.field(
        resolver=tickets, description="Matching tickets; newest first unless `orderBy` is set."
    )
    ticket_groups: list[TicketGroup] = strawberry.field(
        resolver=ticket_groups,
        description="Number of matching tickets for each value of a field, largest first.",
    )
    log_entries: Connection[LogEntry] = strawberry.field(
        resolver=log_entries, description="Matching communications with OPS, newest first."
    )
    ops_deliveries: Connection[OpsDelivery] = strawberry.field(
        resolver=ops_deliveries, description="Matching deliveries, newest first."
    )
    ops_status: OpsStatusPayload = strawberry.field(
        resolver=ops_status,
        description="Queries OPS for the current status of a ticket and logs the response as a"
        " QUERY entry. Requires the scope `ops`.",
    )
    ops_health: OpsHealth = strawberry.field(
        resolver=ops_health, description="State of the delivery to OPS."
    )
    viewer: Viewer = strawberry.field(resolver=_viewer, description="The authenticated caller.")
