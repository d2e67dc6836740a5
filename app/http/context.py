"""Who asks, and what is at hand to answer: the context of a request, as the resolvers know it."""

from typing import Any, cast

from starlette.types import Scope

from app.http.problem import HttpProblem
from app.http.request_record import record_of
from app.settings import Settings
from resolvers.context import Caller, Context

__all__ = ["context_of"]

SCOPES = frozenset({"read", "write", "ops", "admin"})
# Where access is open, nobody is known and everybody may do everything.
_ANYONE = Caller(name=None, scopes=SCOPES)


def context_of(scope: Scope) -> Context:
    """Return the context of a request; raises HttpProblem (401) where the caller must be known."""
    state = cast("dict[str, Any]", scope["state"])
    settings: Settings = state["settings"]
    if settings.auth == "required":
        # Closed until there is a way to tell who asks: an open door must be asked for.
        detail = "Access is required here, and no credentials are accepted yet; AUTH=off opens it."
        headers = {"WWW-Authenticate": "Bearer"}
        raise HttpProblem(401, "UNAUTHENTICATED", detail, headers=headers)
    record = record_of(scope)
    record.caller = _ANYONE.name
    return Context(deliveries=state["deliveries"], request_id=record.request_id, caller=_ANYONE)
