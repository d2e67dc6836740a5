"""Headers that come in several lines (RFC 9110, section 5.3)."""

from collections.abc import Iterable

__all__ = ["combined"]


def combined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the value of a header, all its lines separated by commas; empty without any.

    A header that allows only one value becomes invalid if it is repeated.
    """
    return b", ".join([value for header, value in headers if header == name])
