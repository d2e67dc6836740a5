"""How each kind of peer is asked for an operation, and how its answer is read."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from engine.sql.cursors import encode_cursor
from resolvers.tables import NEWEST_TICKET_FIRST
from tests.benchmarks.operations import Operation
from tests.benchmarks.samples import Place


class Dialect(Protocol):
    """What a peer understands."""

    def path(self, operation: Operation) -> str:
        """Return where requests of an operation go."""

    def body(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        """Return a request."""

    def read(self, operation: Operation, answer: Any) -> Any:
        """Return the data of an answer in the shape of the contract's."""


def our_cursor(place: Place) -> str:
    """Return the cursor of this server."""
    return encode_cursor(NEWEST_TICKET_FIRST, (place.created_at, place.id))


def plain_cursor(place: Place) -> str:
    """Return the cursor of the peers that we have written."""
    return urlsafe_b64encode(orjson.dumps([place.created_at, place.id])).decode()


@dataclass(frozen=True, slots=True)
class Contract:
    """Documents of the public contract, sent whole with each request."""

    cursor: Callable[[Place], str]

    def path(self, operation: Operation) -> str:  # noqa: ARG002  # the protocol's
        """Return the one path of GraphQL."""
        return "/graphql"

    def body(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        """Return the document with its variables."""
        document = " ".join(operation.document.split())
        return orjson.dumps({"query": document, "variables": _spelled(variables, self.cursor)})

    def read(self, operation: Operation, answer: Any) -> Any:  # noqa: ARG002  # the protocol's
        """Return the data as it is."""
        return answer["data"]


@dataclass(frozen=True, slots=True)
class Handwritten:
    """A path an operation, and nothing in the body but the variables."""

    def path(self, operation: Operation) -> str:
        """Return the operation's path."""
        return f"/{operation.name}"

    def body(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:  # noqa: ARG002  # the protocol's
        """Return the variables."""
        return orjson.dumps(_spelled(variables, plain_cursor))

    def read(self, operation: Operation, answer: Any) -> Any:  # noqa: ARG002  # the protocol's
        """Return the data as it is."""
        return answer["data"]


_TICKET = (
    "id subject description status priority category customerName customerEmail metadata createdAt"
)
_NEWEST = "orderBy: [CREATED_AT_DESC, ID_DESC]"


@dataclass(frozen=True, slots=True)
class PostGraphile:
    """The schema that PostGraphile makes of the tables and of `peers/postgraphile/schema.sql`."""

    documents: Mapping[str, str] = field(
        default_factory=lambda: {
            "one": f"query One($id: String!) {{ ticket: ticketById(id: $id) {{ {_TICKET} }} }}",
            "list": f"""
                query List {{
                  tickets: allTickets(first: 50, {_NEWEST}) {{ nodes {{ {_TICKET} }} }}
                }}
            """,
            "page": f"""
                query Page($status: String!, $priority: String!) {{
                  tickets: allTickets(
                    first: 20, {_NEWEST}, condition: {{status: $status, priority: $priority}}
                  ) {{
                    edges {{ cursor node {{ id subject status priority createdAt }} }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                  }}
                }}
            """,
            "nested": f"""
                query Nested {{
                  tickets: allTickets(first: 20, {_NEWEST}) {{
                    nodes {{
                      id subject status
                      logEntries: logEntriesByTicketId(
                        first: 5, orderBy: [TIMESTAMP_DESC, ID_DESC]
                      ) {{
                        nodes {{ id action status timestamp }}
                      }}
                    }}
                  }}
                }}
            """,
            "search": """
                query Search($words: String!) {
                  tickets: searchTickets(words: $words, first: 20) {
                    nodes { id subject status customerName }
                  }
                }
            """,
            "deep": f"""
                query Deep($after: Cursor!) {{
                  tickets: allTickets(first: 20, after: $after, {_NEWEST}) {{
                    nodes {{ {_TICKET} }}
                    pageInfo {{ hasNextPage endCursor }}
                  }}
                }}
            """,
            "update": """
                mutation Update($input: ChangeTicketInput!) {
                  updateTicket: changeTicket(input: $input) {
                    ticket { id subject status version updatedAt }
                  }
                }
            """,
            "create": """
                mutation Create($input: OpenTicketInput!) {
                  createTicket: openTicket(input: $input) {
                    ticket { id subject status priority version createdAt }
                  }
                }
            """,
        }
    )

    def path(self, operation: Operation) -> str:  # noqa: ARG002  # the protocol's
        """Return the one path of GraphQL."""
        return "/graphql"

    def body(self, operation: Operation, variables: Mapping[str, Any]) -> bytes:
        """Return the document with its variables."""
        spelled = _spelled(variables, _postgraphile_cursor)
        if "filter" in spelled:
            spelled = {name: one["eq"].lower() for name, one in spelled["filter"].items()}
        document = " ".join(self.documents[operation.name].split())
        return orjson.dumps({"query": document, "variables": spelled})

    def read(self, operation: Operation, answer: Any) -> Any:
        """Return the data with enums in upper case, and no errors where a mutation has none."""
        data = _upper_case(answer["data"])
        if operation.writes:
            for payload in data.values():
                payload["errors"] = []
        return data


def _postgraphile_cursor(place: Place) -> str:
    order = ["created_at_desc", "id_desc", [place.created_at, place.id]]
    return urlsafe_b64encode(orjson.dumps(order)).decode()


def _spelled(variables: Mapping[str, Any], cursor: Callable[[Place], str]) -> dict[str, Any]:
    return {
        name: cursor(value) if isinstance(value, Place) else value
        for name, value in variables.items()
    }


def _upper_case(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _upper_case(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_upper_case(one) for one in value]
    return value.upper() if key in {"status", "priority", "action"} else value
