"""Positions in the write-ahead log of the primary, up to which a caller's changes reach.

A position is the timeline and the byte offset (LSN) of the log. A server that has replayed its
timeline up to the offset has every change before it. The timeline is part of the order: after a
failover, the log of the new primary continues below the end of the former one's.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "START",
    "UNKNOWN_TEXT",
    "ParsedPosition",
    "Position",
    "parse_position",
    "position_text",
]

# The text of a position that could not be determined, after which a caller reads on the primary.
UNKNOWN_TEXT = "unknown"
MAX_TEXT_LENGTH = 200
# Numbers of fixed length, so that of two texts of one database the greater is the later position.
_TEXT = re.compile(r"([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{16})", re.ASCII)


class Position(NamedTuple):
    """A position; a greater one is later."""

    timeline: int
    offset: int


START = Position(0, 0)


@dataclass(frozen=True, slots=True)
class ParsedPosition:
    """Positions that a client sent, by the system identifier of their database cluster."""

    positions: dict[int, Position]
    # Whether a part of the text is not a valid position.
    is_unknown: bool


def position_text(system: int, position: Position) -> str:
    """Return the text of a position for clients."""
    return f"{system & 0xFFFF_FFFF_FFFF_FFFF:016x}-{position.timeline:08x}-{position.offset:016x}"


def parse_position(text: str) -> ParsedPosition:
    """Return the positions in a text, separated by commas."""
    if len(text) > MAX_TEXT_LENGTH:
        return ParsedPosition({}, is_unknown=True)
    positions: dict[int, Position] = {}
    is_unknown = False
    for part in filter(None, map(str.strip, text.split(","))):
        found = _TEXT.fullmatch(part)
        if found is None:
            is_unknown = True
            continue
        system, timeline, offset = (int(number, 16) for number in found.groups())
        position = Position(timeline, offset)
        positions[system] = max(position, positions.get(system, START))
    return ParsedPosition(positions, is_unknown=is_unknown)
