"""Authenticate a request and check the scopes of its caller."""

import time
from typing import Any

from starlette.types import Scope

from app.auth.authenticator import Authenticator, TooManyFailures, Unauthenticated, address_of
from app.auth.key_set import KeysUnavailable
from app.http.caller_position import reads_of
from app.http.connection_slot import ConnectionSlot
from app.http.problem import HttpProblem, rate_limited, service_unavailable
from app.http.request_record import record_of
from engine.database.shares import count_as
from engine.long_work import must_pause, next_turn
from resolvers.context import Context

__all__ = ["authenticate", "insufficient_scope_headers", "require_scopes"]


async def authenticate(scope: Scope) -> Context:
    """Authenticate the caller of a request and return the context for its resolvers.

    From here on, the task uses database connections of the caller's share.

    Raises HttpProblem: 401 without a valid credential where one is required, 429 after too many
    invalid credentials from the same address, 503 if the credential cannot be checked now.
    """
    state: dict[str, Any] = scope["state"]
    authenticator: Authenticator = state["authenticator"]
    looked_up_s: float | None = None
    try:
        caller = authenticator.known(scope)
        if caller is None:
            looked_up_s = time.perf_counter()
            caller = await authenticator.authenticate(scope)
    except Unauthenticated as error:
        headers = {"WWW-Authenticate": error.challenge}
        raise HttpProblem(401, "UNAUTHENTICATED", str(error), headers=headers) from None
    except TooManyFailures as error:
        raise rate_limited(str(error), retry_after_s=error.retry_after_s) from None
    except KeysUnavailable as error:
        detail = "The keys to verify JWTs are unavailable. Try again later."
        raise service_unavailable(detail, retry_after_s=error.retry_after_s) from None
    slot: ConnectionSlot | None = state.get("slot")
    if slot is not None and not slot.is_authenticated:
        slot.mark_known(caller.identity or address_of(scope))
    record = record_of(scope)
    record.caller = caller.name
    record.limits_key = caller.identity or address_of(scope)
    count_as(record.limits_key)
    if looked_up_s is not None and must_pause(looked_up_s):
        # All requests that waited for the same lookup would continue in the same turn.
        await next_turn()
    replicas = state["replicas"]
    return Context(
        deliveries=state["deliveries"],
        request_id=record.request_id,
        caller=caller,
        feeds=state["feeds"],
        reads=None if replicas is None else reads_of(scope, replicas, caller),
    )


def require_scopes(context: Context, needed: frozenset[str]) -> None:
    """Raise HttpProblem (403) if the caller lacks one of the scopes."""
    if missing := needed - context.caller.scopes:
        scopes = " and ".join(sorted(missing))
        detail = f"The scope {scopes} is required. Use a credential that has it."
        headers = insufficient_scope_headers(*needed)
        raise HttpProblem(403, "FORBIDDEN", detail, headers=headers)


def insufficient_scope_headers(*needed: str) -> dict[str, str]:
    """Return the header that names the required scopes (RFC 6750, section 3)."""
    scopes = " ".join(sorted(needed))
    return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scopes}"'}
