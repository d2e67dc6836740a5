"""Results as tables of Markdown."""

from collections.abc import Mapping, Sequence

from tests.benchmarks.rounds import Spread


def table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Return a table; a row's name is its first cell."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join((name, *cells)) + " |" for name, cells in rows.items()]
    return "\n".join(lines)


def shown(value: Spread | None) -> str:
    """Return a value with how far apart its rounds were."""
    if value is None:
        return "-"
    middle, low, high = (
        _rounded(one, value.middle) for one in (value.middle, value.low, value.high)
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def _rounded(number: float, scale: float) -> str:
    if scale >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if scale >= 10 else f"{number:.2f}"
