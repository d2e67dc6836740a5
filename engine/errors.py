"""Errors that several packages of the engine raise, and what is common to all errors."""

from graphql import GraphQLError

__all__ = ["LimitExceeded", "delete_tracebacks"]


class LimitExceeded(Exception):
    """An operation exceeds a limit; the message gives the limit and what to do."""


def delete_tracebacks(error: BaseException) -> None:
    """Delete the traceback of an error that is kept, and of those that led to it.

    Frames of a traceback often refer to the error. The garbage collector would stop everything to
    free such reference cycles of many requests.
    """
    found: list[BaseException | None] = [error]
    seen: set[int] = set()
    while found:
        one = found.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = None
        found += (one.__cause__, one.__context__)
        if isinstance(one, GraphQLError):
            found.append(one.original_error)
