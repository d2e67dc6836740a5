"""The metrics and labels that an expression of PromQL names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Selector", "grouping_labels", "selectors"]

_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_STRING = r'"(?:\\.|[^"\\])*"'
# An identifier that is no variable of Grafana and no unit of a duration, with its matchers.
_SELECTOR = re.compile(
    rf"(?<![\w.$])([a-zA-Z_:][\w:]*)\s*(\()?(?:\{{((?:[^{{}}\"]|{_STRING})*)\}})?"
)
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_STRING})")
_KEYWORDS = {"and", "or", "unless", "bool", "offset", "atan2"}


@dataclass(frozen=True)
class Selector:
    """A metric with its matchers: label, operator and value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> Iterator[Selector]:
    """Yield the selectors of an expression."""
    for name, call, matchers in _SELECTOR.findall(_GROUPING.sub("", expression)):
        # Aggregations can have their grouping between the name and the parenthesis.
        if not call and name not in _KEYWORDS:
            found = _MATCHER.findall(matchers)
            yield Selector(name, tuple((label, how, value[1:-1]) for label, how, value in found))


def grouping_labels(expression: str) -> set[str]:
    """Return the labels by which an expression aggregates or joins."""
    lists = _GROUPING.findall(expression)
    return {label.strip() for labels in lists for label in labels.split(",") if label.strip()}
