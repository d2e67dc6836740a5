"""Apply the rate limit of a caller to its requests."""

from collections.abc import Awaitable, Callable

from starlette.types import Scope

from app.auth.authenticator import address_of
from app.auth.rate_limit import Allowance, RateLimit
from app.http.problem import HttpProblem, rate_limited
from app.http.request_record import record_of
from resolvers.context import Context

__all__ = ["check_rate_limit", "event_counter", "rate_limit_key"]


def rate_limit_key(scope: Scope, context: Context) -> str:
    """Return the key of a caller's limits: its identity, or its address if anonymous."""
    return context.caller.identity or address_of(scope)


async def check_rate_limit(scope: Scope, context: Context) -> None:
    """Count a request against its caller's rate limit; raises HttpProblem (429)."""
    limit: RateLimit = scope["state"]["rate_limit"]
    if not limit.is_set:
        return
    allowance = await limit.hit(rate_limit_key(scope, context))
    if allowance is None:
        return
    record_of(scope).headers += allowance.headers
    if allowance.is_exceeded:
        raise _exceeded(allowance)


def event_counter(scope: Scope, context: Context) -> Callable[[], Awaitable[None]] | None:
    """Return a function that counts an event that a subscription answers, as a request.

    It raises HttpProblem (429). None if RATE_LIMIT is not set.
    """
    limit: RateLimit = scope["state"]["rate_limit"]
    if not limit.is_set:
        return None
    key = rate_limit_key(scope, context)

    async def count() -> None:
        allowance = await limit.hit(key)
        if allowance is not None and allowance.is_exceeded:
            raise _exceeded(allowance)

    return count


def _exceeded(allowance: Allowance) -> HttpProblem:
    detail = (
        f"Rate limit of {allowance.limit:,} requests and events exceeded (RATE_LIMIT)."
        f" Try again in {allowance.reset_s} s."
    )
    return rate_limited(detail, retry_after_s=allowance.reset_s)
