"""Errors that several packages of the engine raise."""

__all__ = ["LimitExceeded"]


class LimitExceeded(Exception):
    """An operation is larger than a limit; the text names both."""
