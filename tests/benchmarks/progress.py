"""What a benchmark tells while it runs."""

import sys


def say(text: str) -> None:
    """Write a line to the person who waits; results go to standard output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is its one place
