"""Errors that the client can fix, as data in the payload of a mutation."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar, cast

import strawberry

from resolvers.errors import (
    ApiError,
    ApiErrors,
    Conflict,
    InvalidInput,
    NotFound,
    OpsRequestFailed,
)
from schema.common.enums import ErrorCode

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket

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

    current: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = (
        strawberry.field(description="The ticket as it is now, for a client to merge with.")
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


def returns_errors(
    payload: Callable[..., R], *prefix: str
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make a resolver answer errors in a payload that has nothing but them.

    ``prefix`` is the argument under which the errors' paths lie.
    """

    def decorate(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(resolver)
        async def answering(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await resolver(*args, **kwargs)
            except ApiError as error:
                return payload(errors=user_errors([error], *prefix))
            except ApiErrors as errors:
                return payload(errors=user_errors(errors.errors, *prefix))

        return answering

    return decorate


def user_errors(errors: Sequence[ApiError | None], *prefix: str) -> list[UserError]:
    """Return the errors as the API shows them; None is none."""
    return [user_error(error, *prefix) for error in errors if error is not None]


def user_error(error: ApiError, *prefix: str) -> UserError:
    """Return a error as the API shows it."""
    common: dict[str, Any] = {
        "message": message_of(error),
        "code": error.code,
        "path": [*prefix, *map(camel_case, error.path)] if error.path else [],
    }
    match error:
        case InvalidInput():
            return InvalidInputError(**common)
        case NotFound():
            return NotFoundError(**common, id=strawberry.ID(error.id))
        case Conflict():
            return ConflictError(**common, current=cast("Ticket | None", error.current))
        case OpsRequestFailed():
            return OpsError(
                **common, retryable=error.retryable, retry_after_ms=error.retry_after_ms
            )
    raise TypeError(f"no GraphQL type for {type(error).__name__}")


def message_of(error: ApiError) -> str:
    """Return a error's words, with the names of arguments as GraphQL writes them."""
    if isinstance(error, OpsRequestFailed):
        return error.message
    return _SNAKE_CASE.sub(lambda match: camel_case(match[0]), error.message)


_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def camel_case(name: str) -> str:
    """Return the GraphQL name of a Python name."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
