"""Limits of open connections, and the reserve for known callers."""

import pytest

from app.http.connection_slot import ConnectionSlot
from app.server.open_connections import MAX_HELD_BYTES, OpenConnections

LOW = 3


class Connection:
    """A connection that records whether it was closed."""

    def __init__(self) -> None:
        self.is_idle = True
        self.is_closed = False

    def abort(self) -> None:
        """Record it."""
        self.is_closed = True


@pytest.fixture
def connections() -> OpenConnections:
    """Return an account of at most 20 connections, 15 of them unknown, 4 of an address."""
    return OpenConnections(
        max_total=20, max_unknown_of_address=4, max_of_caller=6, descriptors=1_000
    )


def opened(connections: OpenConnections, address: str = "a") -> tuple[Connection, ConnectionSlot]:
    connection = Connection()
    slot = connections.open(connection, address, descriptor=LOW)
    assert slot is not None
    return connection, slot


def test_the_oldest_connection_of_an_address_is_closed_for_a_new_one(
    connections: OpenConnections,
) -> None:
    other, _ = opened(connections, "b")
    own = [opened(connections)[0] for _ in range(6)]
    assert [one.is_closed for one in own] == [True, True, False, False, False, False]
    assert not other.is_closed
    assert len(connections) == 5


def test_a_connection_with_a_running_request_is_not_closed(connections: OpenConnections) -> None:
    own = [opened(connections)[0] for _ in range(4)]
    own[0].is_idle = False
    opened(connections)
    assert [one.is_closed for one in own] == [False, True, False, False]


def test_a_new_connection_is_refused_if_no_other_can_be_closed(
    connections: OpenConnections,
) -> None:
    for _ in range(4):
        opened(connections)[0].is_idle = False
    assert connections.open(Connection(), "a", descriptor=LOW) is None
    opened(connections, "b")


def test_unknown_connections_leave_a_reserve(connections: OpenConnections) -> None:
    for number in range(30):
        opened(connections, str(number))
    assert len(connections) == 15


def test_known_connections_are_never_closed_for_others(connections: OpenConnections) -> None:
    known = []
    for number in range(5):
        connection, slot = opened(connections)
        slot.mark_known(f"caller {number}")
        known.append(connection)
    for number in range(100):
        opened(connections, str(number))
    assert not any(one.is_closed for one in known)
    assert len(connections) == 20


def test_more_connections_of_a_caller_than_max_connections_count_as_unknown(
    connections: OpenConnections,
) -> None:
    slots = []
    for _ in range(7):
        slots.append(opened(connections)[1])
        slots[-1].mark_known("caller")
    assert [slot.caller for slot in slots] == ["caller"] * 6 + [None]
    assert all(slot.is_authenticated for slot in slots)
    connections.close(slots[0])
    _, slot = opened(connections)
    slot.mark_known("caller")
    assert slot.caller == "caller"


def test_closing_twice_does_no_harm(connections: OpenConnections) -> None:
    _, slot = opened(connections)
    _, known = opened(connections)
    known.mark_known("caller")
    for one in (slot, known) * 2:
        connections.close(one)
    assert len(connections) == 0


def test_connections_are_closed_when_few_descriptors_are_left(connections: OpenConnections) -> None:
    """The system assigns the lowest free number."""
    first, _ = opened(connections)
    assert connections.open(Connection(), "b", descriptor=1_000) is not None
    assert first.is_closed


def test_the_bytes_of_incomplete_input_are_limited(connections: OpenConnections) -> None:
    first, slot = opened(connections)
    second, other = opened(connections)
    connections.hold(slot, first, MAX_HELD_BYTES // 2)
    connections.hold(slot, first, MAX_HELD_BYTES - 1)
    connections.hold(other, second, 1)
    assert not first.is_closed
    connections.hold(other, second, 2)
    assert first.is_closed
    assert not second.is_closed
    connections.hold(other, second, 0)
    assert other.held_bytes == 0
