"""Choose the format of a response by the Accept header (RFC 9110, section 12.5.1)."""

from enum import StrEnum
from functools import lru_cache

__all__ = ["MAX_ACCEPT_LENGTH", "ResponseFormat", "accepts_events", "negotiate"]

# The rest of a longer header is ignored. Browsers send 150 characters; parsing 64 KiB of commas
# would take a quarter of a second.
MAX_ACCEPT_LENGTH = 1000


class ResponseFormat(StrEnum):
    """Formats of a response by media type, the preferred one first."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    PAGE = "text/html"
    EVENTS = "text/event-stream"


# Formats that a wildcard such as ``*/*`` does not match.
_EXPLICIT_ONLY = frozenset({ResponseFormat.PAGE, ResponseFormat.EVENTS})


@lru_cache(maxsize=256)
def negotiate(accept: str, *, with_page: bool) -> ResponseFormat | None:
    """Return the format that the client prefers; None if it accepts none of them.

    A page or events must be accepted by name, because most clients that are not browsers
    send ``*/*``.
    """
    if not accept.strip():
        return ResponseFormat.JSON
    best_rank: tuple[float, int, int] | None = None
    best: ResponseFormat | None = None
    for index, part in enumerate(accept.split(",")):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if quality == 0:
            continue
        for candidate in ResponseFormat:
            if candidate is ResponseFormat.PAGE and not with_page:
                continue
            specificity = _specificity(media_type, candidate)
            rank = (quality, specificity, -index)
            if specificity and (best_rank is None or rank > best_rank):
                best_rank, best = rank, candidate
    return best


@lru_cache(maxsize=256)
def accepts_events(accept: str) -> bool:
    """Return whether the client accepts events, even if it prefers another format."""
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_type == ResponseFormat.EVENTS.value:
            return _quality(parameters) > 0
    return False


def _specificity(media_type: str, candidate: ResponseFormat) -> int:
    if media_type == candidate.value:
        return 2
    if candidate not in _EXPLICIT_ONLY and media_type in {"*/*", "application/*"}:
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
