"""What a benchmark tells while it runs, and where it cannot."""

import sys


class Unmeasured(Exception):
    """There is nothing to measure, or it is not what was meant; the text says why."""


def say(text: str) -> None:
    """Write a line to the person who waits; results go to standard output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is its one place
