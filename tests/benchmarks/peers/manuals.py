"""The peer as the manuals show it: Strawberry's ASGI application over Tortoise's models.

Types with their fields, resolvers that return the models' instances, cursors as in
the guide to pagination, and a DataLoader for the nested list.
"""

# ruff: noqa: A001, D101, D102  # its names are the schema, which needs no words here

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import uuid4

import orjson
import strawberry
from pypika_tortoise.enums import Comparator
from pypika_tortoise.terms import BasicCriterion, Function, ValueWrapper
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.scalars import JSON
from strawberry.types import Info
from tortoise import fields
from tortoise.contrib.starlette import RegisterTortoise
from tortoise.expressions import Q, ResolveContext
from tortoise.models import Model
from tortoise.query_utils import QueryModifier
from tortoise.transactions import in_transaction

# ----------------------------------------------------------------------- models


@strawberry.enum
class TicketStatus(Enum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


@strawberry.enum
class TicketPriority(Enum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@strawberry.enum
class LogAction(Enum):
    SEND = "send"
    RETRY = "retry"
    QUERY = "query"


@strawberry.enum
class LogStatus(Enum):
    SUCCESS = "success"
    FAILED = "failed"


class TicketModel(Model):
    id = fields.CharField(64, primary_key=True)
    subject = fields.TextField()
    description = fields.TextField()
    status = fields.CharEnumField(TicketStatus, default=TicketStatus.OPEN)
    priority = fields.CharEnumField(TicketPriority, default=TicketPriority.MEDIUM)
    category = fields.CharField(100, default="general")
    customer_name = fields.TextField()
    customer_email = fields.TextField()
    metadata: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "tickets"


class LogEntryModel(Model):
    id = fields.CharField(64, primary_key=True)
    ticket_id = fields.CharField(64)
    action = fields.CharEnumField(LogAction)
    status = fields.CharEnumField(LogStatus)
    timestamp = fields.DatetimeField()

    class Meta:
        table = "log_entries"


class TicketEventModel(Model):
    id = fields.CharField(64, primary_key=True)
    ticket_id = fields.CharField(64)
    type = fields.CharField(20)
    at = fields.DatetimeField()
    changes: Any = fields.JSONField()

    class Meta:
        table = "ticket_events"


class _Matches(Comparator):
    text = " @@ "


class Search(Q):
    """The full-text search: the column is not a field, or each SELECT would fetch it."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        query = Function("ticket_search_query", ValueWrapper(self.words))
        column = resolve_context.table.search
        return QueryModifier(where_criterion=BasicCriterion(_Matches.text, column, query))


# ----------------------------------------------------------------------- types


@strawberry.type
class LogEntry:
    id: strawberry.ID
    action: LogAction
    status: LogStatus
    timestamp: datetime


@strawberry.type
class LogEntryConnection:
    nodes: list[LogEntry]


async def log_entries(root: Any, info: Info, first: int) -> LogEntryConnection:
    entries = await info.context["log_entries"].load(root.id)
    return LogEntryConnection(nodes=entries[:first])


@strawberry.type
class Ticket:
    id: strawberry.ID
    subject: str
    description: str
    status: TicketStatus
    priority: TicketPriority
    category: str
    customer_name: str
    customer_email: str
    metadata: JSON | None
    created_at: datetime
    updated_at: datetime
    version: int
    log_entries: LogEntryConnection = strawberry.field(resolver=log_entries)


@strawberry.type
class TicketEdge:
    cursor: str
    node: Ticket


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class TicketConnection:
    tickets: strawberry.Private[list[Any]]
    has_next_page: strawberry.Private[bool]
    has_previous_page: strawberry.Private[bool]

    @strawberry.field
    def nodes(self) -> list[Ticket]:
        return self.tickets

    @strawberry.field
    def edges(self) -> list[TicketEdge]:
        return [TicketEdge(cursor=_cursor(ticket), node=ticket) for ticket in self.tickets]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self.has_next_page,
            has_previous_page=self.has_previous_page,
            start_cursor=_cursor(self.tickets[0]) if self.tickets else None,
            end_cursor=_cursor(self.tickets[-1]) if self.tickets else None,
        )


@strawberry.input
class TicketStatusFilter:
    eq: TicketStatus


@strawberry.input
class TicketPriorityFilter:
    eq: TicketPriority


@strawberry.input
class TicketFilter:
    search: str | None = None
    status: TicketStatusFilter | None = None
    priority: TicketPriorityFilter | None = None


@strawberry.input
class CreateTicketInput:
    subject: str
    description: str
    customer_name: str
    customer_email: str
    priority: TicketPriority = TicketPriority.MEDIUM
    category: str = "general"
    metadata: JSON | None = None


@strawberry.input
class UpdateTicketInput:
    id: strawberry.ID
    subject: str | None = None
    status: TicketStatus | None = None


@strawberry.type
class UserError:
    message: str


@strawberry.type
class TicketPayload:
    ticket: Ticket | None
    errors: list[UserError]


# ------------------------------------------------------------------- resolvers


def _cursor(ticket: Any) -> str:
    return urlsafe_b64encode(orjson.dumps([ticket.created_at, ticket.id])).decode()


_TOLD = {
    "subject": "subject",
    "description": "description",
    "status": "status",
    "priority": "priority",
    "category": "category",
    "customer_name": "customerName",
    "customer_email": "customerEmail",
    "metadata": "metadata",
}


def _told(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


@strawberry.type
class Query:
    @strawberry.field
    async def ticket(self, id: strawberry.ID) -> Ticket | None:
        return await TicketModel.get_or_none(id=id)  # type: ignore[return-value]  # read as the type

    @strawberry.field
    async def tickets(
        self, first: int, after: str | None = None, filter: TicketFilter | None = None
    ) -> TicketConnection:
        found = TicketModel.all()
        if filter and filter.search:
            found = found.filter(Search(filter.search))
        if filter and filter.status:
            found = found.filter(status=filter.status.eq)
        if filter and filter.priority:
            found = found.filter(priority=filter.priority.eq)
        if after:
            text, id = orjson.loads(urlsafe_b64decode(after))
            at = datetime.fromisoformat(text)
            found = found.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=id))
        tickets = await found.order_by("-created_at", "-id").limit(first + 1)
        return TicketConnection(
            tickets=tickets[:first],
            has_next_page=len(tickets) > first,
            has_previous_page=after is not None,
        )


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_ticket(self, input: CreateTicketInput) -> TicketPayload:
        async with in_transaction() as connection:
            ticket = await TicketModel.create(
                id=str(uuid4()), using_db=connection, **strawberry.asdict(input)
            )
            changes = [
                {"field": field, "before": None, "after": _told(getattr(ticket, name))}
                for name, field in _TOLD.items()
                if getattr(ticket, name) is not None
            ]
            await _record(connection, ticket, "created", ticket.created_at, changes)
        return TicketPayload(ticket=ticket, errors=[])  # type: ignore[arg-type]  # as above

    @strawberry.mutation
    async def update_ticket(self, input: UpdateTicketInput) -> TicketPayload:
        async with in_transaction() as connection:
            found = TicketModel.filter(id=input.id).using_db(connection).select_for_update()
            ticket = await found.first()
            if ticket is None:
                return TicketPayload(ticket=None, errors=[UserError(message="Not found.")])
            changes = []
            for name in ("subject", "status"):
                before, after = getattr(ticket, name), getattr(input, name)
                if after is not None and after != before:
                    setattr(ticket, name, after)
                    changes.append({"field": name, "before": _told(before), "after": _told(after)})
            ticket.version += 1
            await ticket.save(using_db=connection)
            await _record(connection, ticket, "updated", ticket.updated_at, changes)
        return TicketPayload(ticket=ticket, errors=[])  # type: ignore[arg-type]  # as above


async def _record(
    connection: Any, ticket: TicketModel, type: str, at: datetime, changes: list[Any]
) -> None:
    await TicketEventModel.create(
        id=str(uuid4()), ticket_id=ticket.id, type=type, at=at, changes=changes, using_db=connection
    )


async def _load_log_entries(keys: list[str]) -> list[list[LogEntryModel]]:
    by_ticket = defaultdict(list)
    found = LogEntryModel.filter(ticket_id__in=keys).order_by("-timestamp", "-id")
    for entry in await found:
        by_ticket[entry.ticket_id].append(entry)
    return [by_ticket[key] for key in keys]


# ---------------------------------------------------------------------- server


class Endpoint(GraphQL[Any, Any]):
    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        return {
            "request": request,
            "response": response,
            "log_entries": DataLoader(load_fn=_load_log_entries),
        }


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "asyncpg://", 1)
    joint = "&" if "?" in url else "?"
    url += f"{joint}minsize=1&maxsize={os.environ['DATABASE_POOL_SIZE']}"
    async with RegisterTortoise(app, db_url=url, modules={"models": [__name__]}):
        yield


app = Starlette(
    routes=[Route("/graphql", Endpoint(strawberry.Schema(Query, Mutation), graphql_ide=None))],
    lifespan=_lifespan,
)
