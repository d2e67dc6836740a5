"""Positions of callers' last changes."""

import time

from hypothesis import given
from hypothesis import strategies as st

from engine.database import positions
from engine.database.positions import (
    START,
    CallerPositions,
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
    assert max(texts) < positions.UNKNOWN_TEXT


@given(text=st.text())
def test_any_other_text_is_unknown(text: str) -> None:
    parsed = parse_position(text)
    assert parsed.positions == {}
    assert parsed.is_unknown == bool(text.replace(",", "").strip())


@given(
    changes=st.lists(st.tuples(st.integers(0, 20_000), POSITIONS), max_size=100),
    readers=st.lists(st.integers(0, 20_000), max_size=10),
)
def test_no_caller_is_forgotten(changes: list[tuple[int, Position]], readers: list[int]) -> None:
    """Also if there are more callers than places."""
    known = CallerPositions()
    for caller, position in changes:
        known.add(str(caller), position)
    for caller in readers + [caller for caller, _ in changes]:
        last = max((position for one, position in changes if one == caller), default=START)
        found = known.get(str(caller), current=START, asked_at=0.0)
        assert found is not None
        assert found >= last


def test_an_unknown_position_is_known_once_the_primary_was_asked_later() -> None:
    known = CallerPositions()
    known.add("a", Position(1, 100))
    known.add_unknown("a")
    unknown_since = time.monotonic()
    assert known.get("a", current=Position(1, 90), asked_at=0.0) is None
    assert known.get("b", current=Position(1, 90), asked_at=0.0) == START
    found = known.get("a", current=Position(1, 120), asked_at=unknown_since + 1)
    assert found == Position(1, 120)
    assert known.get("a", current=START, asked_at=0.0) == Position(1, 120)
