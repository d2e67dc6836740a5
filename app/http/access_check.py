"""Check periodically that the caller of a long-lived connection still has access."""

import asyncio
from http import HTTPStatus

from starlette.types import Scope

from app.auth.revocation import ACCESS_CHECK_INTERVAL_S
from app.http.authentication import authenticate
from app.http.problem import HttpProblem
from engine.database.errors import is_transient

__all__ = ["wait_until_denied"]


async def wait_until_denied(scope: Scope) -> HttpProblem:
    """Authenticate the request of a connection periodically; return the first rejection."""
    while True:
        await asyncio.sleep(ACCESS_CHECK_INTERVAL_S)
        try:
            await authenticate(scope)
        except HttpProblem as problem:
            # An outage of the key server or the database does not revoke access.
            if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return problem
        except Exception as error:
            if not is_transient(error):
                raise
