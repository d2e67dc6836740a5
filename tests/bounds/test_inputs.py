"""Every hostile input gets its answer, and holds up nobody."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.bounds.conftest import Serve
from tests.bounds.harness import MIB, Target, check
from tests.bounds.inputs import INPUTS
from tests.bounds.inputs.hostile_input import HostileInput, named_setting

Record = Callable[[str, str], None]


@pytest.fixture
def attacked(one: HostileInput, request: pytest.FixtureRequest) -> Iterator[Target]:
    """Return the shared server, or the input's own one."""
    if not one.needs_own_server:
        yield request.getfixturevalue("target")
        return
    serve: Serve = request.getfixturevalue("serve")
    with ExitStack() as stack:
        yield serve(**stack.enter_context(one.given_settings()))


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, id=one.name) for one in INPUTS],
)
def test_hostile_input(one: HostileInput, attacked: Target, record_property: Record) -> None:
    if one.prepare:
        one.prepare(attacked)
    with attacked.measured() as measuring:
        answer = one.send(attacked)
    measured = measuring.result
    assert (answer.status, answer.code) == (one.status, one.code), answer.message
    assert named_setting(answer) == one.setting, answer.message
    if one.max_memory_bytes is None:
        check(attacked, measured)
    else:
        limit = one.max_memory_bytes
        check(attacked, measured, peak_bytes=limit, kept_bytes=limit)
    record_property(
        "figure",
        f"{one.name}: {answer}, longest turn {measured.longest_turn_s * 1000:.0f} ms, "
        f"others waited {measured.longest_s * 1000:.0f} ms, "
        f"memory {measured.peak_growth_bytes / MIB:+.0f} MiB",
    )
