"""REST and GraphQL read and write the same tickets, with the same validation."""

from typing import Any
from uuid import uuid4

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import TicketPriority, TicketStatus
from models.ticket import TICKET_FIELDS
from resolvers.tables import graphql_name
from tests.app.http.serving import Served
from tests.app.rest.rest_client import NEW

real_server = settings(
    max_examples=60,
    deadline=None,
    # All examples share one server.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

GRAPHQL_NAMES = {name: graphql_name(name) for name in TICKET_FIELDS}
COLUMNS = {graphql: column for column, graphql in GRAPHQL_NAMES.items()}
ENUMS = {"status", "priority", "opsState"}
TICKET = " ".join(GRAPHQL_NAMES.values())

words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
).filter(str.strip)
any_text = st.text(max_size=300)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    # Beyond these a float comes back as an integer (jsonb keeps decimals, not floats).
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
valid_fields = st.fixed_dictionaries(
    {
        "subject": words,
        "description": words,
        "customer_name": words,
        "customer_email": st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.example", fullmatch=True),
    },
    optional={
        "status": st.sampled_from([status.value for status in TicketStatus]),
        "priority": st.sampled_from([priority.value for priority in TicketPriority]),
        "category": words,
        "customer_phone": st.none() | words,
        "assigned_to": st.none() | words,
        "metadata": json_values,
    },
)
# Valid and invalid values of the right type, which reach the validation of both APIs.
any_fields = st.fixed_dictionaries(
    {
        name: any_text | st.sampled_from(["a@b.example", "x" * 501, "\0"])
        for name in ("subject", "description", "customer_name", "customer_email")
    },
    optional={
        "id": st.sampled_from(["", "x" * 65, "a\0b"]),
        "category": any_text,
        "customer_phone": any_text,
        "assigned_to": any_text,
        "metadata": json_values | st.just("\0") | st.just("x" * 70_000) | st.just(10**309),
    },
)


def ask(http: httpx2.Client, query: str, **variables: Any) -> dict[str, Any]:
    answer = http.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def as_graphql(fields: dict[str, Any]) -> dict[str, Any]:
    """Return REST fields with GraphQL names and values."""
    named = {GRAPHQL_NAMES[name]: value for name, value in fields.items()}
    return {name: value.upper() if name in ENUMS else value for name, value in named.items()}


def read_both(http: httpx2.Client, id: str) -> dict[str, Any]:
    """Read a ticket over both APIs, and check that they agree."""
    over_rest: dict[str, Any] = http.get(f"/tickets/{id}").json()
    over_graphql = ask(http, f"query($id: ID!) {{ ticket(id: $id) {{ {TICKET} }} }}", id=id)
    assert as_graphql(over_rest) == over_graphql["ticket"]
    return over_rest


CREATE = f"""
mutation($input: CreateTicketInput!) {{
  createTicket(input: $input) {{ ticket {{ {TICKET} }} errors {{ code path }} }}
}}
"""
UPDATE = f"""
mutation($input: UpdateTicketInput!) {{
  updateTicket(input: $input) {{ ticket {{ {TICKET} }} errors {{ code path }} }}
}}
"""
LIST = """
query($filter: TicketFilter, $first: Int, $after: String) {
  tickets(filter: $filter, first: $first, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor }
  }
}
"""


@real_server
@given(created=valid_fields, changed=valid_fields)
def test_a_ticket_written_over_one_api_is_read_over_both(
    server: Served, created: dict[str, Any], changed: dict[str, Any]
) -> None:
    http = server.http
    by_rest = http.post("/tickets", json=created)
    assert by_rest.status_code == 201, by_rest.text
    by_graphql = ask(http, CREATE, input=as_graphql(created))["createTicket"]["ticket"]
    for ticket_id in (by_rest.json()["id"], by_graphql["id"]):
        ticket = read_both(http, ticket_id)
        assert created.items() <= ticket.items()
    assert by_rest.json() == read_both(http, by_rest.json()["id"])

    # Change each ticket over the other API.
    update = {"id": by_rest.json()["id"]} | as_graphql(changed)
    assert ask(http, UPDATE, input=update)["updateTicket"]["errors"] == []
    assert http.put(f"/tickets/{by_graphql['id']}", json=changed).status_code == 200
    for ticket_id in (by_rest.json()["id"], by_graphql["id"]):
        assert (created | changed).items() <= read_both(http, ticket_id).items()


@real_server
@given(fields=any_fields)
def test_both_apis_reject_the_same_fields_with_the_same_codes(
    server: Served, fields: dict[str, Any]
) -> None:
    http = server.http
    by_graphql = ask(http, CREATE, input=as_graphql(fields))["createTicket"]
    by_rest = http.post("/tickets", json=fields)
    if not by_graphql["errors"]:
        assert by_rest.status_code == 201
        return
    assert by_rest.status_code == 422
    over_rest = {(error["code"], error["pointer"]) for error in by_rest.json()["errors"]}
    over_graphql = {
        (error["code"], f"#/{COLUMNS[error['path'][-1]]}") for error in by_graphql["errors"]
    }
    assert over_rest == over_graphql


@real_server
@given(
    statuses=st.lists(st.sampled_from(TicketStatus), max_size=6),
    asked=st.sampled_from(TicketStatus),
    limit=st.integers(1, 3),
)
def test_both_list_the_same_tickets_in_the_same_pages(
    server: Served, statuses: list[TicketStatus], asked: TicketStatus, limit: int
) -> None:
    http = server.http
    category = str(uuid4())
    for status in statuses:
        http.post("/tickets", json=NEW | {"status": status, "category": category})
    params: dict[str, Any] = {"status": asked.value, "category": category, "limit": limit}
    filter = {"status": {"eq": asked.name}, "category": {"eq": category}}  # noqa: A001  # the API's word
    after = None
    found = 0
    while True:
        over_rest = http.get("/tickets", params=params)
        over_graphql = ask(http, LIST, filter=filter, first=limit, after=after)["tickets"]
        assert [ticket["id"] for ticket in over_rest.json()] == [
            node["id"] for node in over_graphql["nodes"]
        ]
        found += len(over_rest.json())
        assert ("next" in over_rest.links) == over_graphql["pageInfo"]["hasNextPage"]
        if "next" not in over_rest.links:
            break
        # Both APIs have the same cursors.
        after = httpx2.URL(over_rest.links["next"]["url"]).params["cursor"]
        assert after == over_graphql["pageInfo"]["endCursor"]
        params["cursor"] = after
    assert found == statuses.count(asked)
