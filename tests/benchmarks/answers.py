"""Whether all contestants answer the same, before anything is measured."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from tests.benchmarks.contestants import Running
from tests.benchmarks.operations import Operation, Variables
from tests.benchmarks.progress import Unmeasured
from tests.benchmarks.samples import Samples

_TIMES = {"createdAt", "updatedAt", "timestamp"}
_CURSORS = {"cursor", "startCursor", "endCursor"}
# So many different requests of an operation are tried.
_TRIED = 10

_LAST_EVENT = """
SELECT type, ticket_id, changes
FROM ticket_events
ORDER BY transaction DESC, sequence DESC
LIMIT 1
"""


class Different(Unmeasured):
    """A contestant's answer is not that of the first."""


async def check_answers(
    operation: Operation,
    contestants: Sequence[Running],
    samples: Samples,
    connection: asyncpg.Connection,
) -> None:
    """Raise Different unless all contestants answer an operation the same way."""
    for variables in operation.variables(samples)[:_TRIED]:
        if operation.writes:
            check = [await _written(operation, one, variables, connection) for one in contestants]
        else:
            check = [_comparable((await one.ask(operation, variables))[0]) for one in contestants]
        for one, answer in zip(contestants, check, strict=True):
            if answer != check[0]:
                raise Different(
                    f"{operation.name}: {one.contestant.title} does not answer as "
                    f"{contestants[0].contestant.title} does.\n"
                    f"{_shown(answer)}\n{_shown(check[0])}"
                )


async def _written(
    operation: Operation, one: Running, variables: Variables, connection: asyncpg.Connection
) -> Any:
    """Return what a write answered, and the event that it left, less what is always another."""
    subject = f"Changed by {one.contestant.name}"
    given = variables["input"] | {"subject": subject}
    data, _ = await one.ask(operation, {"input": given})
    (payload,) = data.values()
    ticket = payload["ticket"]
    event = await connection.fetchrow(_LAST_EVENT)
    stored = await connection.fetchval("SELECT subject FROM tickets WHERE id = $1", ticket["id"])
    if not (
        event and event["ticket_id"] == ticket["id"] and stored == ticket["subject"] == subject
    ):
        raise Different(f"{operation.name}: {one.contestant.title} has not written what it says.")
    changes = {change["field"]: change for change in orjson.loads(event["changes"])}
    del changes["subject"]
    offsets = {
        name: datetime.fromisoformat(ticket[name]).utcoffset() for name in _TIMES & set(ticket)
    }
    kept = {
        name: value
        for name, value in ticket.items()
        if name not in {"id", "subject", "version", *_TIMES}
    }
    return [list(ticket), kept, offsets, payload["errors"], event["type"], changes]


def _comparable(value: Any, key: str = "") -> Any:
    """Return an answer with its moments as such, and without the text of its cursors."""
    if isinstance(value, dict):
        return {name: _comparable(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if key in _TIMES:
        return datetime.fromisoformat(value)
    return bool(value) if key in _CURSORS else value


def _shown(answer: Any) -> str:
    text = orjson.dumps(answer, default=str).decode()
    return text if len(text) < 1500 else text[:1500] + "…"
