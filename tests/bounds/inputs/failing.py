"""Operations whose fields fail, each with an error that is located, collected and formatted."""

from functools import partial

from tests.bounds.harness import Answer, Target
from tests.bounds.inputs.bursts import create_tickets
from tests.bounds.inputs.documents import ALIASES
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["FAILING"]

AT_ONCE = 20
LONG_ID = "x" * 65


def _aliased(field: str, number: int = ALIASES) -> str:
    return " ".join(f"a{n}: {field}" for n in range(number))


def _query(fields: str) -> str:
    return f"{{ {fields} }}"


def _send(document: str, target: Target) -> Answer:
    return in_parallel(AT_ONCE, lambda _: target.graphql(document))


# Below the page, whose alias counts too.
_BELOW = _aliased('logEntries(first: 1, after: "x") { nodes { id } }', ALIASES - 2)

FAILING = [
    HostileInput(
        name=f"{ALIASES} lists with a wrong cursor, {AT_ONCE} requests at once",
        send=partial(_send, _query(_aliased('tickets(after: "x") { nodes { id } }'))),
        code="BAD_USER_INPUT",
    ),
    HostileInput(
        name=f"{ALIASES} tickets with an id that is too long, {AT_ONCE} requests at once",
        send=partial(_send, _query(_aliased(f'ticket(id: "{LONG_ID}") {{ id }}'))),
        code="BAD_USER_INPUT",
    ),
    HostileInput(
        name=f"{ALIASES - 2} wrong cursors for each of 100 tickets, {AT_ONCE} requests at once",
        send=partial(_send, f"{{ tickets(first: 100) {{ nodes {{ {_BELOW} }} }} }}"),
        code="BAD_USER_INPUT",
        prepare=create_tickets,
    ),
    HostileInput(
        name=f"the same in a document of 4,000 lines, {AT_ONCE} requests at once",
        send=partial(_send, "\n" * 4_000 + f"{{ tickets(first: 100) {{ nodes {{ {_BELOW} }} }} }}"),
        code="BAD_USER_INPUT",
        prepare=create_tickets,
    ),
]
