"""The headers that every answer carries, so that a browser can do little with it by mistake."""

from collections.abc import Iterable

__all__ = ["secured"]

RawHeaders = list[tuple[bytes, bytes]]

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # What an answer of the API may do in a browser: nothing. A page brings its own.
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-store"),
]
_NAMES = frozenset(name for name, _ in _HEADERS)


def secured(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers of a response with ours; one that it has itself wins."""
    given = list(headers)
    for name, _ in given:
        if name in _NAMES:
            names = {name for name, _ in given}
            return given + [header for header in _HEADERS if header[0] not in names]
    return given + _HEADERS
