"""What every benchmark can be told."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.places import RESULTS, SCRATCH_RESULTS


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what all of them take."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks {name}", description=description
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works; the numbers mean nothing"
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="a PostgreSQL to make databases on; an embedded one without it",
    )
    return parser


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what reads names joined by commas, each of which must be known."""

    def read(text: str) -> list[str]:
        given = text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(
                f"{', '.join(sorted(unknown))}: there are {', '.join(known)}"
            )
        return given

    return read


def results(given: argparse.Namespace, *, is_published: bool = True) -> Path:
    """Return the folder for results: the repository's for a full run that is published."""
    folder = RESULTS if is_published and not given.quick else SCRATCH_RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder
