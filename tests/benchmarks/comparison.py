"""What a comparison found, as tables, as a plot, and as plain numbers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TypeAlias

import orjson

from tests.benchmarks.contestants import OURS
from tests.benchmarks.measure import Measured
from tests.benchmarks.plot import bars
from tests.benchmarks.rounds import Spread, ratio, spread
from tests.benchmarks.tables import shown, table

# By operation and contestant, one a round.
Results: TypeAlias = dict[str, dict[str, list[Measured]]]
_Value: TypeAlias = Callable[[Measured], float | None]


def report(
    found: Results, titles: Mapping[str, str], operations: Mapping[str, str], conditions: str
) -> str:
    """Return the tables, with what they mean and under which conditions they came to be."""
    peers = [name for name in titles if name != OURS]
    sections = [
        f"Measured with {conditions} Medians of the rounds, with the lowest and the highest.",
        "CPU microseconds a request, of the server process:\n\n"
        + _table(found, list(titles), titles, operations, _spread_of(lambda one: one.server_us)),
        "This server's share of a peer's CPU a request (below 1 it costs less):\n\n"
        + _table(found, peers, titles, operations, _ratio_of(lambda one: one.server_us)),
        "Requests a second, one process each:\n\n"
        + _table(found, list(titles), titles, operations, _spread_of(lambda one: one.per_second)),
        "CPU microseconds a request, of PostgreSQL:\n\n"
        + _table(found, list(titles), titles, operations, _spread_of(lambda one: one.postgres_us)),
        "This server's share of a peer's CPU in PostgreSQL:\n\n"
        + _table(found, peers, titles, operations, _ratio_of(lambda one: one.postgres_us)),
    ]
    failures = {
        f"{operations[operation]}, {titles[name]}": sum(one.failures for one in rounds)
        for operation, by_name in found.items()
        for name, rounds in by_name.items()
    }
    failed = [f"{what}: {count} failed" for what, count in failures.items() if count]
    return "\n\n".join([*sections, *failed]) + "\n"


def write(
    folder: Path,
    text: str,
    found: Results,
    titles: Mapping[str, str],
    operations: Mapping[str, str],
) -> None:
    """Write the tables, their plot, and the numbers of all rounds."""
    panels = {
        operations[operation]: {
            titles[name]: median(one.server_us for one in rounds)
            for name, rounds in by_name.items()
        }
        for operation, by_name in found.items()
    }
    plain = {
        operation: {name: [asdict(one) for one in rounds] for name, rounds in by_name.items()}
        for operation, by_name in found.items()
    }
    (folder / "compare.md").write_text(text)
    (folder / "compare.svg").write_text(
        bars("CPU of the server process", "microseconds a request", panels)
    )
    (folder / "compare.json").write_bytes(
        orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


_Cell: TypeAlias = Callable[[dict[str, list[Measured]], str], Spread | None]


def _spread_of(value: _Value) -> _Cell:
    def cell(by_name: dict[str, list[Measured]], name: str) -> Spread | None:
        values = [value(one) for one in by_name[name]]
        return spread([one for one in values if one is not None]) if None not in values else None

    return cell


def _ratio_of(value: _Value) -> _Cell:
    def cell(by_name: dict[str, list[Measured]], name: str) -> Spread | None:
        ours = [value(one) for one in by_name[OURS]]
        theirs = [value(one) for one in by_name[name]]
        if None in ours or not all(theirs):
            return None
        return ratio([one or 0.0 for one in ours], [one or 0.0 for one in theirs])

    return cell


def _table(
    found: Results,
    names: list[str],
    titles: Mapping[str, str],
    operations: Mapping[str, str],
    cell: _Cell,
) -> str:
    return table(
        ["", *(titles[name] for name in names)],
        {
            operations[operation]: [shown(cell(by_name, name)) for name in names]
            for operation, by_name in found.items()
        },
    )
