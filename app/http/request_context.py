"""Who asks, and what is at hand to answer: the context of a request, as the resolvers know it."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.types import Scope

from app.auth.authenticator import Authenticator, TooManyFailures, Unauthenticated, address_of
from app.auth.key_set import KeysUnavailable
from app.auth.rate_limit import RateLimit
from app.http.problem import HttpProblem, service_unavailable
from app.http.request_record import record_of
from engine.database.errors import may_pass
from resolvers.context import Context

__all__ = [
    "check_rate_limit",
    "context_of",
    "insufficient_scope",
    "rate_limit_key",
    "require_scope",
    "until_refused",
]

# How often it is looked whether somebody may still have what goes on and on.
ACCESS_CHECK_S = 5.0


async def context_of(scope: Scope) -> Context:
    """Return the context of a request.

    Raises HttpProblem where the caller must be known: 401 where it is not, 429 where too many
    from its address were not, and 503 where that cannot be told now.
    """
    state: dict[str, Any] = scope["state"]
    gate: Authenticator = state["gate"]
    try:
        caller = await gate.caller_of(scope)
    except Unauthenticated as error:
        headers = {"WWW-Authenticate": error.challenge}
        raise HttpProblem(401, "UNAUTHENTICATED", str(error), headers=headers) from None
    except TooManyFailures as error:
        raise _rate_limited(str(error), retry_after_s=error.retry_after_s) from None
    except KeysUnavailable as error:
        detail = "The keys of JWTs cannot be had now. Try again."
        raise service_unavailable(detail, retry_after_s=error.retry_after_s) from None
    record = record_of(scope)
    record.caller = caller.name
    return Context(
        deliveries=state["deliveries"],
        request_id=record.request_id,
        caller=caller,
        feeds=state["feeds"],
    )


def rate_limit_key(scope: Scope, context: Context) -> str:
    """Return whose requests and connections are counted: an address where nobody is known."""
    return context.caller.counted_as or address_of(scope)


async def check_rate_limit(scope: Scope, context: Context) -> None:
    """Count a request of a caller; raises HttpProblem (429)."""
    limit: RateLimit = scope["state"]["rate_limit"]
    if not limit.is_set:
        return
    allowance = await limit.spend(rate_limit_key(scope, context))
    if allowance is None:
        return
    record_of(scope).headers += allowance.headers
    if allowance.is_used_up:
        detail = f"At most {allowance.limit} requests in this time; the next in some seconds."
        raise _rate_limited(detail, retry_after_s=allowance.reset_s)


async def until_refused(scope: Scope) -> HttpProblem:
    """Wait until whoever made a request would be let in no more, and return why."""
    while True:
        await asyncio.sleep(ACCESS_CHECK_S)
        try:
            await context_of(scope)
        except HttpProblem as problem:
            # What is away, be it keys or the database, says nothing about anybody.
            if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return problem
        except Exception as error:
            if not may_pass(error):
                raise


def require_scope(context: Context, needed: str) -> None:
    """Raise HttpProblem (403) where the caller has not the scope."""
    if needed not in context.caller.scopes:
        headers = insufficient_scope(needed)
        raise HttpProblem(403, "FORBIDDEN", f"This needs the scope {needed}.", headers=headers)


def _rate_limited(detail: str, *, retry_after_s: int) -> HttpProblem:
    return HttpProblem(429, "RATE_LIMITED", detail, headers={"Retry-After": str(retry_after_s)})


def insufficient_scope(*needed: str) -> dict[str, str]:
    """Return the header that says which scopes are needed (RFC 6750, section 3)."""
    scopes = " ".join(sorted(needed))
    return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scopes}"'}
