"""This server without the accounting of what requests cost, to measure what the accounting costs.

`python -m tests.benchmarks.unaccounted serve` is `python -m app serve` with these parts replaced by
functions that do nothing. There is no setting for it: each of them protects the server.

- the bytes that PostgreSQL sends for an operation, and the memory grants (`byte_counter`,
  `memory_grants`)
- the shares of the connection pool (`shares`)
- the size of a response before it is built (`response_size`)
- the turns of the event loop in the authentication and execution of an operation (`long_work`)
- the cost of filters (`cost`), the items in lists of variables (`item_budget`), and the number of
  values in a body (`json_body`)
- the parsing of input and the start of requests in turns, and the bytes of incomplete heads and of
  bodies (`app.server`)

What runs only beyond a threshold stays, such as the account of responses that clients do not read.
"""

import sys
from contextlib import nullcontext
from math import inf
from typing import Any

from app.cli import main
from app.http import authentication, json_body
from app.server.input_scheduler import InputScheduler
from app.server.open_connections import OpenConnections
from app.server.request_memory import RequestMemory
from app.server.request_scheduler import RequestScheduler
from engine.arguments import variables
from engine.database import opening
from engine.documents import prepared
from engine.execution import execution, executor, plan
from engine.projection import loading
from engine.projection.response_size import ResponseSize

__all__ = ["switch_off"]


def switch_off() -> None:
    """Replace the accounting in this process; call it before the application is built."""
    replacements: dict[tuple[Any, str], Any] = {
        (opening, "count_bytes"): _leave,
        (authentication, "count_as"): _do_nothing,
        (execution, "counting_memory"): _not_counting,
        (ResponseSize, "add_rows"): _do_nothing,
        (ResponseSize, "add_fixed"): _do_nothing,
        (execution, "must_pause"): _never,
        (plan, "must_pause"): _never,
        (loading, "must_pause"): _never,
        (executor, "must_pause"): _never,
        (variables, "must_pause"): _never,
        (authentication, "must_pause"): _never,
        (prepared, "with_filters"): _as_it_is,
        (variables, "MAX_ITEMS"): inf,
        (json_body, "_check_count"): _do_nothing,
        (InputScheduler, "admits"): _always,
        (RequestScheduler, "admits"): _always,
        (OpenConnections, "hold"): _do_nothing,
        (RequestMemory, "hold_body"): _always,
    }
    for (owner, name), replacement in replacements.items():
        if not hasattr(owner, name):
            raise AttributeError(f"{owner.__name__} has no {name} to switch off.")
        setattr(owner, name, replacement)


async def _leave(_connection: Any) -> None:
    """Leave a new connection as it is."""


def _do_nothing(*_: Any, **__: Any) -> None:
    """Count nothing."""


def _never(_: float) -> bool:
    return False


def _always(*_: Any) -> bool:
    return True


_CONTEXT = nullcontext()


def _not_counting(_: int) -> Any:
    return _CONTEXT


def _as_it_is(cost: Any, *_: Any) -> Any:
    return cost


if __name__ == "__main__":
    switch_off()
    sys.exit(main())
