"""Filters that are expensive in PostgreSQL, and cursors that it cannot read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import Any

import orjson

from tests.bounds.harness import JSON, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["FILTERS"]

TICKETS = 3000
LARGEST = 100


def create_tickets(target: Target) -> None:
    """Create tickets whose columns are expensive to search."""
    target.execute(
        "INSERT INTO tickets (id, subject, description, customer_name, customer_email, metadata,"
        " status, priority, category, ops_state, version, created_at, updated_at)"
        " SELECT 'filters-' || n, 'Printer on fire', repeat('ab ', 500), 'Ada', 'ada@example.com',"
        " CASE WHEN n < 10 THEN (SELECT jsonb_agg(0) FROM generate_series(1, 21700)) END,"
        " 'open', 'low', 'general', 'not_sent', 1, now(), now()"
        f" FROM generate_series(1, {TICKETS}) AS n ON CONFLICT DO NOTHING"
    )


def any_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    """Return a filter for tickets that meet one of the conditions."""
    return {"or": list(conditions)}


def count(target: Target, filter: dict[str, Any], *, aliases: int = 1) -> Answer:
    """Count the tickets of a filter, several times in one operation."""
    lists = " ".join(
        f"a{number}: tickets(first: 1, filter: $f) {{ totalCount }}" for number in range(aliases)
    )
    return target.graphql(f"query ($f: TicketFilter) {{ {lists} }}", f=filter)


def page_after(target: Target, field: str, rank: int) -> Answer:
    """Read a page after a cursor whose rank was changed."""
    page = f"tickets(first: 1, orderBy: {{field: {field}}}"
    first = target.graphql(f"{{ {page}) {{ edges {{ cursor }} }} }}")
    cursor = orjson.loads(first.content)["data"]["tickets"]["edges"][0]["cursor"]
    name, _, *rest = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    forged = urlsafe_b64encode(orjson.dumps([name, rank, *rest])).decode().rstrip("=")
    return target.graphql(
        f"query ($c: String) {{ {page}, after: $c) {{ nodes {{ id }} }} }}", c=forged
    )


def _containing(number: int) -> list[dict[str, Any]]:
    return [{"subject": {"containsIgnoreCase": f"printer{n}"}} for n in range(number)]


def _many_updates(target: Target) -> Answer:
    """Update one ticket from many clients at once."""

    def update(number: int) -> Answer:
        body = {
            "query": "mutation ($input: UpdateTicketInput!)"
            " { updateTicket(input: $input) { ticket { version } errors { message } } }",
            "variables": {"input": {"id": "filters-1", "subject": f"Number {number}"}},
        }
        with target.client(scope="read write") as client:
            answer = Answer.of(client.post("/graphql", content=orjson.dumps(body), headers=JSON))
        assert b'"errors":[]' in answer.content, answer.content
        return answer

    return in_parallel(40, update)


_costs = partial(HostileInput, code="QUERY_TOO_COMPLEX", setting="MAX_COST", prepare=create_tickets)
_values = partial(
    HostileInput, code="QUERY_TOO_COMPLEX", setting="MAX_FILTER_VALUES", prepare=create_tickets
)

FILTERS = [
    _costs(
        name="30 counts under an `or` of 450 `containsIgnoreCase`",
        send=lambda target: count(target, any_of(*_containing(450)), aliases=30),
    ),
    _costs(
        name="the same, 3 requests at once",
        send=lambda target: in_parallel(
            3, lambda _: count(target, any_of(*_containing(450)), aliases=30)
        ),
    ),
    _costs(
        name="30 counts under an `or` of 40 `search`",
        send=lambda target: count(
            target, any_of(*[{"search": "fire or " * 100} for _ in range(40)]), aliases=30
        ),
    ),
    HostileInput(
        name="the most expensive accepted counts, 12 requests at once",
        prepare=create_tickets,
        send=lambda target: in_parallel(
            12, lambda _: count(target, any_of(*_containing(15)), aliases=30)
        ),
    ),
    _values(
        name="`contains` of 9,000 numbers in a list of 21,700",
        send=lambda target: count(target, {"metadata": {"contains": [1] * 9_000}}),
    ),
    HostileInput(
        name=f"`contains` of {LARGEST} numbers in lists of 21,700",
        prepare=create_tickets,
        send=lambda target: count(target, {"metadata": {"contains": [1] * (LARGEST - 1)}}),
    ),
    HostileInput(
        name="40 updates of one ticket at once", prepare=create_tickets, send=_many_updates
    ),
    *(
        HostileInput(
            name=f"a cursor with the rank {name} under the order {field}",
            send=partial(page_after, field=field, rank=rank),
            prepare=create_tickets,
            code="BAD_USER_INPUT",
        )
        for field in ("PRIORITY", "STATUS")
        for name, rank in {"2^31": 2**31, "-2^63": -(2**63)}.items()
    ),
]
