"""Who asks, and what is at hand to answer: the context of a request, as the resolvers know it."""

import asyncio
from typing import Any, cast

from starlette.types import Scope

from app.access.gate import Gate, Unauthenticated
from app.access.rate_limit import RateLimit
from app.http.problem import HttpProblem
from app.http.request_record import record_of
from engine.database import may_pass
from resolvers.context import Context

__all__ = ["asker_of", "context_of", "require_scope", "spend_request", "until_refused"]

# How often it is looked whether somebody may still have what goes on and on.
ACCESS_CHECK_S = 5.0


async def context_of(scope: Scope) -> Context:
    """Return the context of a request; raises HttpProblem (401) where the caller must be known."""
    state = cast("dict[str, Any]", scope["state"])
    gate: Gate = state["gate"]
    try:
        caller = await gate.caller_of(scope)
    except Unauthenticated as error:
        headers = {"WWW-Authenticate": error.challenge}
        raise HttpProblem(401, "UNAUTHENTICATED", str(error), headers=headers) from None
    record = record_of(scope)
    record.caller = caller.name
    return Context(
        deliveries=state["deliveries"],
        request_id=record.request_id,
        caller=caller,
        feeds=state["feeds"],
    )


def asker_of(scope: Scope, context: Context) -> str:
    """Return whose requests and connections are counted: an address where nobody is known."""
    client = scope.get("client")
    return context.caller.name or (client[0] if client else "")


async def spend_request(scope: Scope, context: Context) -> None:
    """Count a request of a caller; raises HttpProblem (429)."""
    limit: RateLimit = scope["state"]["rate_limit"]
    if not limit.is_set:
        return
    allowance = await limit.spend(asker_of(scope, context))
    if allowance is None:
        return
    record_of(scope).headers += allowance.headers
    if allowance.is_used_up:
        detail = f"At most {allowance.limit} requests in this time; the next in some seconds."
        headers = {"Retry-After": str(allowance.reset_s)}
        raise HttpProblem(429, "RATE_LIMITED", detail, headers=headers)


async def until_refused(scope: Scope) -> HttpProblem:
    """Wait until whoever made a request would be let in no more, and return why."""
    while True:
        await asyncio.sleep(ACCESS_CHECK_S)
        try:
            await context_of(scope)
        except HttpProblem as problem:
            return problem
        except Exception as error:
            # A database that is away says nothing about anybody.
            if not may_pass(error):
                raise


def require_scope(context: Context, needed: str) -> None:
    """Raise HttpProblem (403) where the caller has not the scope."""
    if needed not in context.caller.scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        headers = {"WWW-Authenticate": challenge}
        raise HttpProblem(403, "FORBIDDEN", f"This needs the scope {needed}.", headers=headers)
