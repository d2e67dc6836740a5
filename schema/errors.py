"""Problems as data: what a caller can mend stands beside the result."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar, cast

import strawberry

from resolvers.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    OpsProblem,
    Problem,
    Problems,
)
from schema.enums import ErrorCode

if TYPE_CHECKING:
    from schema.ticket import Ticket

P = ParamSpec("P")
R = TypeVar("R")


@strawberry.interface(description="Something that the caller can mend.")
class UserError:
    """Something that the caller can mend."""

    message: str = strawberry.field(description="What is wrong, and what is allowed.")
    code: ErrorCode = strawberry.field(description="The kind of error, for programs.")
    path: list[str] = strawberry.field(
        description='Where in the arguments, e.g. ["input", "customerEmail"];'
        " empty for the whole call."
    )


@strawberry.type(description="An argument that cannot be used.")
class InvalidInputError(UserError):
    """An argument that cannot be used."""


@strawberry.type(description="There is nothing with this id, or the caller may not see it.")
class NotFoundError(UserError):
    """There is nothing with this id, or the caller may not see it."""

    id: strawberry.ID = strawberry.field(description="The id that was asked for.")


@strawberry.type(description="What was asked does not fit what is there.")
class ConflictError(UserError):
    """What was asked does not fit what is there."""

    current: Annotated["Ticket", strawberry.lazy("schema.ticket")] | None = strawberry.field(
        description="The ticket as it is now, for a client to merge with."
    )


@strawberry.type(description="OPS did not do its part.")
class OpsError(UserError):
    """OPS did not do its part."""

    retryable: bool = strawberry.field(
        description="True while the delivery goes on being tried in the background."
    )
    retry_after_ms: int | None = strawberry.field(
        description="In how many milliseconds the next attempt is due, where there is one."
    )


ERROR_TYPES = (InvalidInputError, NotFoundError, ConflictError, OpsError)


def answers_problems(
    payload: Callable[..., R], *prefix: str
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make a resolver answer problems in a payload that has nothing but them.

    ``prefix`` is the argument under which the problems' paths lie.
    """

    def decorate(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(resolver)
        async def answering(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await resolver(*args, **kwargs)
            except Problem as problem:
                return payload(errors=user_errors([problem], *prefix))
            except Problems as problems:
                return payload(errors=user_errors(problems.problems, *prefix))

        return answering

    return decorate


def user_errors(problems: Sequence[Problem | None], *prefix: str) -> list[UserError]:
    """Return the problems as the API shows them; None is none."""
    return [user_error(problem, *prefix) for problem in problems if problem is not None]


def user_error(problem: Problem, *prefix: str) -> UserError:
    """Return a problem as the API shows it."""
    common: dict[str, Any] = {
        "message": message_of(problem),
        "code": problem.code,
        "path": [*prefix, *map(camel_case, problem.path)] if problem.path else [],
    }
    match problem:
        case InvalidInput():
            return InvalidInputError(**common)
        case NotFound():
            return NotFoundError(**common, id=strawberry.ID(problem.id))
        case Conflict():
            return ConflictError(**common, current=cast("Ticket | None", problem.current))
        case OpsProblem():
            return OpsError(
                **common, retryable=problem.retryable, retry_after_ms=problem.retry_after_ms
            )
    raise TypeError(f"no GraphQL type for {type(problem).__name__}")


def message_of(problem: Problem) -> str:
    """Return a problem's words, with the names of arguments as GraphQL writes them."""
    if isinstance(problem, OpsProblem):
        return problem.message
    return _SNAKE_CASE.sub(lambda match: camel_case(match[0]), problem.message)


_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def camel_case(name: str) -> str:
    """Return the GraphQL name of a Python name."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
