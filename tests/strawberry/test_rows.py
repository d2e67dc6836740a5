"""Ordinary Strawberry fields on a type whose rows the engine reads from columns."""

import logging
from functools import partial
from typing import Annotated, Any, cast

import pytest
import strawberry
from strawberry import UNSET
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

import models
from engine.projection.fallbacks import FallbackReason
from resolvers.tickets.queries import find_ticket, find_tickets
from schema.common.connection import Connection
from schema.common.inputs import Data, input_object, without_unset
from schema.common.node import Info
from schema.common.scalars import SCALARS
from schema.preparation.fast_resolver import fast_resolver
from schema.preparation.prepare import prepare
from schema.preparation.row_types import rows_of
from schema.tickets.filters import TicketFilter
from tests.strawberry.running import Answer, Case, by_engine, fallback_of


class Always(BasePermission):
    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return True


class Never(BasePermission):
    message = "Nobody may see this."

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return False


@fast_resolver
def _ticket(info: Info, id: strawberry.ID) -> Any:
    return find_ticket(info.context, id)


@fast_resolver
def _tickets(
    info: Info, filter: Annotated[Data | None, input_object(TicketFilter | None)] = UNSET
) -> Any:
    return find_tickets(info.context, **without_unset(filter=filter))


def schema_of(row: type, *, permissions: Any = ()) -> strawberry.Schema:
    """Return a schema whose tickets are of this type."""

    @strawberry.type
    class Query:
        ticket: row | None = strawberry.field(  # type: ignore[valid-type]  # a variable
            resolver=_ticket, permission_classes=permissions
        )
        tickets: Connection[row] = strawberry.field(  # type: ignore[valid-type]  # as above
            resolver=_tickets, permission_classes=permissions
        )

    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))


@strawberry.type(name="Ticket")
class Plain:
    id: strawberry.ID
    customer_email: str
    version: int
    is_type_of = rows_of(models.Ticket)


@strawberry.type(name="Ticket")
class Masked(Plain):
    @strawberry.field
    def customer_email(self) -> str:
        # At run time it is a row.
        return cast("models.Ticket", self).customer_email[0] + "***"


@strawberry.type(name="Ticket")
class Guarded(Plain):
    customer_email: str = strawberry.field(permission_classes=[Never])


@strawberry.type(name="Ticket")
class Computed(Plain):
    @strawberry.field
    async def is_new(self, info: strawberry.Info) -> str:
        return f"{self.version == 1} at {info.path.as_list()}"


@strawberry.type(name="Ticket")
class OfAnotherType:
    version: str
    is_type_of = rows_of(models.Ticket)


@strawberry.type(name="Ticket")
class Choosy:
    id: strawberry.ID
    customer_email: str
    version: int

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return bool(value.version == 1)


def marked_email(parent: strawberry.Parent[models.Ticket]) -> str:
    return parent.customer_email


@strawberry.type(name="Ticket")
class Sham(Plain):
    """Its marked resolver returns no query, and is called for each row."""

    address: str = strawberry.field(resolver=fast_resolver(marked_email))


TICKET = '{ ticket(id: "t1") { id customerEmail version } }'
ANSWER = {"id": "t1", "customerEmail": "ada@example.com", "version": 1}
EACH: dict[str, tuple[type, str, dict[str, Any], FallbackReason | None]] = {
    "columns": (Plain, TICKET, {"ticket": ANSWER}, None),
    "a resolver over a column": (
        Masked,
        TICKET,
        {"ticket": ANSWER | {"customerEmail": "a***"}},
        FallbackReason.RESOLVER,
    ),
    "a resolver over a column that is not selected": (
        Masked,
        '{ ticket(id: "t1") { version } }',
        {"ticket": {"version": 1}},
        None,
    ),
    "a resolver next to columns, in a page": (
        Computed,
        "{ tickets { nodes { id isNew } totalCount } }",
        {
            "tickets": {
                "nodes": [
                    {"id": "t2", "isNew": "False at ['tickets', 'nodes', 0, 'isNew']"},
                    {"id": "t1", "isNew": "True at ['tickets', 'nodes', 1, 'isNew']"},
                ],
                "totalCount": 2,
            }
        },
        FallbackReason.RESOLVER,
    ),
    "a type that is not the column's": (
        OfAnotherType,
        '{ ticket(id: "t1") { version } }',
        {"ticket": {"version": "1"}},
        FallbackReason.COLUMN,
    ),
    "a marked resolver that returns no query": (
        Sham,
        "{ tickets { nodes { address } } }",
        {"tickets": {"nodes": [{"address": "bob@example.com"}, {"address": "ada@example.com"}]}},
        FallbackReason.RESOLVER,
    ),
    "an is_type_of of its own": (Choosy, TICKET, {"ticket": ANSWER}, FallbackReason.TYPE),
    "a filter": (
        Plain,
        """
        {
          tickets(filter: {customerEmail: {startsWith: "bob"}, not: {id: {in: ["t1"]}}}) {
            nodes { id }
          }
        }
        """,
        {"tickets": {"nodes": [{"id": "t2"}]}},
        None,
    ),
}


@pytest.fixture
async def tickets(database: None) -> None:  # noqa: ARG001  # it must be there first
    """Write two tickets."""
    common: dict[str, Any] = {"subject": "s", "description": "d", "customer_name": "n"}
    await models.Ticket.create(id="t1", customer_email="ada@example.com", version=1, **common)
    await models.Ticket.create(id="t2", customer_email="bob@example.com", version=2, **common)


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize("shortcuts", [True, False], ids=["with shortcuts", "without shortcuts"])
@pytest.mark.parametrize(("ticket", "query", "expected", "reason"), EACH.values(), ids=EACH)
async def test_a_field_of_a_row_is_answered_as_its_type_says(
    ticket: type,
    query: str,
    expected: dict[str, Any],
    reason: FallbackReason | None,
    shortcuts: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    case = Case(partial(schema_of, ticket), query)
    answer = await by_engine(case, shortcuts=shortcuts)
    assert answer == Answer(expected, [])
    if shortcuts:
        assert await fallback_of(case) is reason


@pytest.mark.usefixtures("tickets")
async def test_a_column_with_permission_classes_is_not_read() -> None:
    answer = await by_engine(Case(partial(schema_of, Guarded), TICKET))
    assert answer.data == {"ticket": None}
    assert [error["message"] for error in answer.errors] == ["Nobody may see this."]
    assert [error["path"] for error in answer.errors] == [["ticket", "customerEmail"]]


@pytest.mark.usefixtures("tickets")
async def test_a_type_that_refuses_a_row_is_asked() -> None:
    query = '{ ticket(id: "t2") { id } }'
    answer = await by_engine(Case(partial(schema_of, Choosy), query))
    assert answer.data == {"ticket": None}
    assert "Expected value of type 'Ticket'" in answer.errors[0]["message"]


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize("permission", [Always, Never])
async def test_a_marked_resolver_may_have_permission_classes(permission: type) -> None:
    build = partial(schema_of, Plain, permissions=[permission])
    query = "query ($f: TicketFilter) { tickets(filter: $f) { nodes { id } } }"
    case = Case(build, query, {"f": {"and": [{"id": {"in": ["t2"]}}]}})
    decisions = prepare(build()).decisions
    assert decisions["Query.tickets"].reason == "it has permission classes"
    answer = await by_engine(case)
    if permission is Always:
        assert answer == Answer({"tickets": {"nodes": [{"id": "t2"}]}}, [])
    else:
        assert answer.data is None
        assert [error["message"] for error in answer.errors] == ["Nobody may see this."]


@pytest.mark.usefixtures("tickets")
async def test_a_fallback_is_logged_once_for_a_document(caplog: pytest.LogCaptureFixture) -> None:
    case = Case(partial(schema_of, Masked), TICKET)
    with caplog.at_level(logging.DEBUG, "engine.projection.fallbacks"):
        await by_engine(case, times=3)
    [record] = caplog.records
    assert record.message == "operation executed by graphql-core"
    assert vars(record)["fields"] == {
        "operation": None,
        "reason": "resolver",
        "detail": "Ticket.customerEmail",
    }
