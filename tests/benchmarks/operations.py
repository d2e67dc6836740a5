"""The operations that are compared, as documents of the public contract."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.load import NUMBER
from tests.benchmarks.samples import SEARCHES, Samples

Variables = dict[str, Any]

_TEN_FIELDS = (
    "id subject description status priority category customerName customerEmail metadata createdAt"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One kind of request. A `Place` among its variables becomes a cursor of the peer."""

    name: str
    title: str
    document: str
    variables: Callable[[Samples], list[Variables]]
    writes: bool = False


def _nothing(samples: Samples) -> list[Variables]:  # noqa: ARG001  # one signature for all
    return [{}]


OPERATIONS = (
    Operation(
        name="one",
        title="One ticket by id, ten fields",
        document=f"query One($id: ID!) {{ ticket(id: $id) {{ {_TEN_FIELDS} }} }}",
        variables=lambda samples: [{"id": one} for one in samples.ids],
    ),
    Operation(
        name="list",
        title="50 tickets, ten fields",
        document=f"query List {{ tickets(first: 50) {{ nodes {{ {_TEN_FIELDS} }} }} }}",
        variables=_nothing,
    ),
    Operation(
        name="page",
        title="20 tickets filtered, with edges, cursors and pageInfo",
        document="""
            query Page($filter: TicketFilter!) {
              tickets(first: 20, filter: $filter) {
                edges { cursor node { id subject status priority createdAt } }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
              }
            }
        """,
        variables=lambda samples: [  # noqa: ARG005  # one signature for all
            {"filter": {"status": {"eq": status}, "priority": {"eq": priority}}}
            for status in ("IN_PROGRESS", "RESOLVED", "CLOSED")
            for priority in ("LOW", "MEDIUM", "HIGH")
        ],
    ),
    Operation(
        name="nested",
        title="20 tickets with 5 log entries each",
        document="""
            query Nested {
              tickets(first: 20) {
                nodes {
                  id subject status
                  logEntries(first: 5) { nodes { id action status timestamp } }
                }
              }
            }
        """,
        variables=_nothing,
    ),
    Operation(
        name="search",
        title="A search, the newest 20",
        document="""
            query Search($words: String!) {
              tickets(first: 20, filter: {search: $words}) {
                nodes { id subject status customerName }
              }
            }
        """,
        variables=lambda samples: [{"words": words} for words in SEARCHES],  # noqa: ARG005  # as above
    ),
    Operation(
        name="deep",
        title="20 tickets, ten fields, at nine tenths of the list",
        document=f"""
            query Deep($after: String!) {{
              tickets(first: 20, after: $after) {{
                nodes {{ {_TEN_FIELDS} }}
                pageInfo {{ hasNextPage endCursor }}
              }}
            }}
        """,
        variables=lambda samples: [{"after": place} for place in samples.deep],
    ),
    # The writes come last: until then the data is the same for all.
    Operation(
        name="update",
        title="A ticket updated",
        document="""
            mutation Update($input: UpdateTicketInput!) {
              updateTicket(input: $input) {
                ticket { id subject status version updatedAt }
                errors { message }
              }
            }
        """,
        variables=lambda samples: [
            {"input": {"id": one, "subject": f"Changed {NUMBER}"}} for one in samples.ids
        ],
        writes=True,
    ),
    Operation(
        name="create",
        title="A ticket created",
        document="""
            mutation Create($input: CreateTicketInput!) {
              createTicket(input: $input) {
                ticket { id subject status priority version createdAt }
                errors { message }
              }
            }
        """,
        variables=lambda samples: [  # noqa: ARG005  # as above
            {
                "input": {
                    "subject": f"Cirrus Drive overheats, case {NUMBER}",
                    "description": "It switches itself off after a few minutes.",
                    "customerName": "Ada Lindqvist",
                    "customerEmail": "ada.lindqvist@example.com",
                    "metadata": {"source": "web", "tags": ["vip"]},
                }
            }
        ],
        writes=True,
    ),
)
