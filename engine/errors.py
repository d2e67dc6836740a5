"""Errors that several packages of the engine raise."""

__all__ = ["LimitExceeded"]


class LimitExceeded(Exception):
    """An operation exceeds a limit; the message gives the limit and what to do."""
