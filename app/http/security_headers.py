"""Security headers of every response, which restrict what a browser does with it."""

from collections.abc import Iterable

__all__ = ["with_security_headers"]

RawHeaders = list[tuple[bytes, bytes]]

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Responses of the API load nothing in a browser. GraphiQL's page has a policy of its own.
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cache-control", b"no-store"),
]
_NAMES = frozenset(name for name, _ in _HEADERS)


def with_security_headers(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers of a response with the security headers that it does not have."""
    response_headers = list(headers)
    for name, _ in response_headers:
        if name in _NAMES:
            names = {name for name, _ in response_headers}
            return response_headers + [header for header in _HEADERS if header[0] not in names]
    return response_headers + _HEADERS
