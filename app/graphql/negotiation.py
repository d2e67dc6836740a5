"""Which kind of answer a client wants: the Accept header (RFC 9110, section 12.5.1)."""

from enum import StrEnum
from functools import lru_cache

__all__ = ["MAX_ACCEPT_LENGTH", "Answer", "lists_events", "negotiate"]

# What comes after is not looked at: a browser sends 150 characters, and 64 KiB of commas would
# take a quarter of a second.
MAX_ACCEPT_LENGTH = 1000


class Answer(StrEnum):
    """The kinds of answer, by media type; at the same quality the first is preferred."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    PAGE = "text/html"
    EVENTS = "text/event-stream"


# What ``*/*`` does not mean: who wants one of these names it.
_NAMED_ONLY = frozenset({Answer.PAGE, Answer.EVENTS})


@lru_cache(maxsize=256)
def negotiate(accept: str, *, with_page: bool) -> Answer | None:
    """Return the kind that is wanted most, None where none is acceptable.

    A page or events are answered only where they are named: ``*/*`` is no browser.
    """
    if not accept.strip():
        return Answer.JSON
    best: tuple[float, int, int] | None = None
    chosen: Answer | None = None
    for place, part in enumerate(accept.split(",")):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if quality == 0:
            continue
        for kind in Answer:
            if kind is Answer.PAGE and not with_page:
                continue
            specificity = _specificity(media_type, kind)
            rank = (quality, specificity, -place)
            if specificity and (best is None or rank > best):
                best, chosen = rank, kind
    return chosen


@lru_cache(maxsize=256)
def lists_events(accept: str) -> bool:
    """Tell whether events are acceptable, even if something else is preferred."""
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_type == Answer.EVENTS.value:
            return _quality(parameters) > 0
    return False


def _specificity(media_type: str, kind: Answer) -> int:
    if media_type == kind.value:
        return 2
    if kind not in _NAMED_ONLY and media_type in {"*/*", "application/*"}:
        return 1
    return 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
        if name.strip() == "charset" and value.strip('" ') not in {"utf-8", "utf8"}:
            return 0.0
    return 1.0
