"""Errors that the client can fix, as data in the payload of a mutation."""

import asyncio
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
from resolvers.tables import graphql_name
from schema.common.enums import ErrorCode

if TYPE_CHECKING:
    from schema.tickets.ticket import Ticket

P = ParamSpec("P")
R = TypeVar("R")

# Description of the field `errors` of a payload.
ERRORS = "Errors that the client can fix; empty on success."


@strawberry.interface(description="Error that the client can fix.")
class UserError:
    message: str = strawberry.field(
        description="Explanation for people, in English. Programs should use `code`, because the"
        " text can change."
    )
    code: ErrorCode = strawberry.field(description="Machine-readable reason.")
    path: list[str] = strawberry.field(
        description='Path of the argument, such as ["input", "customerEmail"]; empty if the error'
        " concerns the whole operation."
    )


@strawberry.type(description="Invalid argument: REQUIRED, INVALID or TOO_LONG.")
class InvalidInputError(UserError):
    pass


@strawberry.type(description="No object has this id, or the caller may not see it.")
class NotFoundError(UserError):
    id: strawberry.ID = strawberry.field(description="The id that was not found.")


@strawberry.type(
    description="The current state does not allow the operation: ALREADY_EXISTS,"
    " VERSION_CONFLICT, IDEMPOTENCY_KEY_REUSED or INVALID_STATE."
)
class ConflictError(UserError):
    current: Annotated["Ticket", strawberry.lazy("schema.tickets.ticket")] | None = (
        strawberry.field(
            description="Current state of the ticket, for merging; null if the conflict is not"
            " with a ticket."
        )
    )


@strawberry.type(description="OPS rejected the request, failed, or was not called.")
class OpsError(UserError):
    retryable: bool = strawberry.field(
        description="Whether the delivery is still PENDING: the server keeps retrying it in the"
        " background."
    )
    retry_after_ms: int | None = strawberry.field(
        description="Time until the next attempt in milliseconds; null if none is scheduled."
    )


ERROR_TYPES = (InvalidInputError, NotFoundError, ConflictError, OpsError)


def returns_errors(
    payload: Callable[..., R], *prefix: str
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make a resolver return the errors that it raises, in a payload without other data.

    ``prefix`` is the path of the argument that contains the fields, such as ``input``. It is
    prepended to the path of each error.
    """

    def decorate(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(resolver)
        async def returning(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await resolver(*args, **kwargs)
            except ApiError as error:
                # This frame must not keep the error, whose traceback refers to it.
                errors = user_errors([error], *prefix)
            except ApiErrors as group:
                errors = user_errors(group.errors, *prefix)
            # A large value can be invalid in each field of an operation, and is then checked
            # without waiting for anything: let other requests run between the fields.
            await asyncio.sleep(0)
            return payload(errors=errors)

        return returning

    return decorate


def user_errors(errors: Sequence[ApiError | None], *prefix: str) -> list[UserError]:
    """Return the errors as GraphQL types; None is skipped."""
    return [user_error(error, *prefix) for error in errors if error is not None]


def user_error(error: ApiError, *prefix: str) -> UserError:
    """Return an error as the GraphQL type of its class."""
    common: dict[str, Any] = {
        "message": message_of(error),
        "code": error.code,
        "path": [*prefix, *map(graphql_name, error.path)] if error.path else [],
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
    """Return the message of an error, with argument names in camel case."""
    if not error.names_arguments:
        return error.message
    return _SNAKE_CASE.sub(lambda match: graphql_name(match[0]), error.message)


_SNAKE_CASE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
