"""Headers that come in several lines (RFC 9110, section 5.3)."""

from collections.abc import Sequence

__all__ = ["combined", "combined_by_name"]


def combined(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the value of a header, all its lines separated by commas; empty without any.

    A header that allows only one value becomes invalid if it is repeated.
    """
    found: bytes | None = None
    for header, value in headers:
        if header == name:
            if found is not None:
                return b", ".join([value for header, value in headers if header == name])
            found = value
    return found or b""


def combined_by_name(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the values of all headers, as `combined` returns one."""
    values = dict(headers)
    if len(values) == len(headers):
        return values
    return {name: combined(headers, name) for name in values}
