"""Durations are measured by one clock, so that a wrong clock of a process does no harm.

What is stored, and what is compared with it, is measured by PostgreSQL's clock. Within a process
the monotonic clock is used. These are the only uses of the clock that people set.
"""

import ast
from collections.abc import Iterator

from tests.test_library_internals import MODULES

ALLOWED = {
    "app.auth.authenticator": "the expiry of a JWT, which another server signed",
    "app.auth.rate_limit": "the end of a window of the library limits, by the same clock",
    "app.auth.rate_limit_storage": "as above",
    "app.config.logs": "the time of a line in the log",
    "ops.clients.http": "a date in Retry-After without the Date of the response",
    "ops.simulator.call_record": "the time of a call, shown to a person",
    "ops.simulator.simulator": "times that the simulated OPS reports",
}
WALL_CLOCKS = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}


def wall_clock_uses(source: bytes) -> Iterator[str]:
    """Yield the functions of the clock that people set, as a module calls them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL_CLOCKS:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (name.name for name in node.names if name.name in {"time", "time_ns"})


def test_the_clock_that_people_set_is_used_only_where_it_does_no_harm() -> None:
    used = {name for name, path in MODULES.items() if list(wall_clock_uses(path.read_bytes()))}
    assert used == set(ALLOWED)


def test_a_use_is_found() -> None:
    assert list(wall_clock_uses(b"import time\nnow = time.time()")) == ["time.time"]
    assert list(wall_clock_uses(b"from time import time")) == ["time"]
    assert list(wall_clock_uses(b"when = datetime.now(UTC)")) == ["datetime.now"]
