"""Positions of callers' last changes."""

import subprocess
import sys
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.database.caller_positions import CallerPositions
from engine.database.positions import (
    START,
    UNKNOWN_TEXT,
    Position,
    parse_position,
    position_text,
)

POSITIONS = st.builds(Position, st.integers(1, 2**32 - 1), st.integers(0, 2**63 - 1))
SYSTEMS = st.integers(-(2**63), 2**63 - 1)


@given(system=SYSTEMS, position=POSITIONS)
def test_a_position_is_read_as_it_was_written(system: int, position: Position) -> None:
    parsed = parse_position(position_text(system, position))
    assert parsed.positions == {system % 2**64: position}
    assert not parsed.is_unknown


@given(system=SYSTEMS, one=POSITIONS, other=POSITIONS)
def test_the_greater_text_is_the_later_position(
    system: int, one: Position, other: Position
) -> None:
    texts = position_text(system, one), position_text(system, other)
    assert (texts[0] < texts[1]) == (one < other)
    assert parse_position(",".join(texts)).positions == {system % 2**64: max(one, other)}
    assert max(texts) < UNKNOWN_TEXT


@given(text=st.text())
def test_any_other_text_is_unknown(text: str) -> None:
    parsed = parse_position(text)
    assert parsed.positions == {}
    assert parsed.is_unknown == bool(text.replace(",", "").strip())


CHANGES = st.lists(st.tuples(st.integers(0, 20_000), POSITIONS), max_size=100)


@given(changes=CHANGES, readers=st.lists(st.integers(0, 20_000), max_size=10))
def test_no_caller_is_forgotten(changes: list[tuple[int, Position]], readers: list[int]) -> None:
    """Also if there are more callers than places, or a position has no room for its numbers."""
    with CallerPositions() as known:
        for caller, position in changes:
            known.add(str(caller), position)
        for caller in readers + [caller for caller, _ in changes]:
            last = max((position for one, position in changes if one == caller), default=START)
            found = known.get(str(caller))
            assert found is not None
            assert found >= min(last, Position(2**12, 0))


def test_an_unknown_position_is_known_once_the_primary_was_asked_later() -> None:
    with CallerPositions() as known:
        known.add("a", Position(1, 100))
        before = time.monotonic_ns()
        known.add_unknown("a")
        assert known.get("a") is None
        assert known.get("b") == START
        known.resolve(Position(1, 120), asked_at_ns=before)
        assert known.get("a") is None
        known.resolve(Position(1, 130), asked_at_ns=time.monotonic_ns() + 1)
        assert known.get("a") == Position(1, 130)
        assert known.get("b") == START


IN_ANOTHER_PROCESS = """
import sys, time
from pathlib import Path
from engine.database.caller_positions import CallerPositions
from engine.database.positions import Position
known = CallerPositions(Path(sys.argv[1]), processes=2)
for line in sys.stdin:
    caller, offset = line.split()
    if offset == "unknown":
        known.add_unknown(caller)
    elif offset == "resolved":
        known.resolve(Position(1, 99), asked_at_ns=time.monotonic_ns() + 1)
    else:
        known.add(caller, Position(1, int(offset)))
    print(known.get(caller), flush=True)
"""


def test_processes_share_positions_also_of_one_that_has_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path)]
    with CallerPositions(tmp_path, processes=2) as known:
        known.add("a", Position(1, 50))
        for number in range(1, 6):
            # More processes than regions, one after the other.
            with subprocess.Popen(
                command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"a {number}\n")
                process.stdin.flush()
                assert process.stdout.readline() == f"{Position(1, 50)}\n"
                process.stdin.write(f"b {number}\n")
                process.stdin.flush()
                assert process.stdout.readline() == f"{Position(1, number)}\n"
                assert known.get("b") == Position(1, number)
                process.kill()
        done = subprocess.run(
            command, input="b unknown\n", text=True, capture_output=True, check=True
        )
        assert done.stdout == "None\n"
        assert known.get("b") is None
        # The process that takes over its region resolves it.
        done = subprocess.run(
            command, input="b resolved\n", text=True, capture_output=True, check=True
        )
        assert done.stdout == f"{Position(1, 99)}\n"
        assert known.get("b") == Position(1, 99)
