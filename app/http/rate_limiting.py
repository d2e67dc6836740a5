"""Apply the rate limit of a caller to its requests."""

from starlette.types import Scope

from app.auth.authenticator import address_of
from app.auth.rate_limit import RateLimit
from app.http.problem import rate_limited
from app.http.request_record import record_of
from resolvers.context import Context

__all__ = ["check_rate_limit", "rate_limit_key"]


def rate_limit_key(scope: Scope, context: Context) -> str:
    """Return the key of a caller's limits: its credential's name, or its address if anonymous."""
    return context.caller.limit_key or address_of(scope)


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
        detail = (
            f"Rate limit of {allowance.limit} requests exceeded."
            f" Try again in {allowance.reset_s} s."
        )
        raise rate_limited(detail, retry_after_s=allowance.reset_s)
