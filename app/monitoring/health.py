"""Health checks for load balancers and orchestrators."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.exceptions import BaseORMException

from app.database.applied import MigrationRefused
from app.database.compatibility import SchemaState, schema_state
from app.database.privileges import missing_privileges
from app.http.draining import DRAINING
from engine.database.errors import NoWritableHost, is_unavailable, sqlstate
from engine.database.outdated_statements import repeats_outdated_statements
from engine.database.queries import default_client
from engine.database.replicas import Replicas
from engine.database.shares import reserved

__all__ = ["Readiness", "healthz"]

DATABASE_TIMEOUT_S = 2.0
_READ_ONLY = "default_transaction_read_only is on."
_NO_HOST = "The sessions of all hosts that respond are read-only."
_DATABASE_ERRORS = (asyncpg.PostgresError, BaseORMException, OSError, TimeoutError)
RETRY_AFTER_S = 1
READY_FOR_S = 1.0
_STATE = "SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"


async def healthz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Liveness check: respond 200 while the process runs."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Readiness check of one application.

    Anyone can ask for it without a credential, and it uses connections in reserve. So requests that
    arrive while it runs share its result, and a positive one is valid for a second.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[dict[str, str]] | None = None
        self._ready_until = 0.0

    async def readyz(self, request: Request) -> Response:
        """Respond 200 if the database is migrated and accepts changes, else 503.

        While the process drains, respond 503 too, so that load balancers choose another server.
        Replicas are named, but the server works without them too.
        """
        if DRAINING.has_begun:
            return _not_ready({"missing": "running server", "reason": "The server is stopping."})
        missing = await self._checked()
        replicas = _replicas(request)
        if not missing:
            return JSONResponse({"status": "ready", **replicas})
        return _not_ready({**missing, **replicas})

    async def _checked(self) -> dict[str, str]:
        if time.monotonic() < self._ready_until:
            return {}
        if self._running is None:
            # The check must not end with the request that began it.
            self._running = asyncio.create_task(_missing())
            self._running.add_done_callback(self._keep)
        return await asyncio.shield(self._running)

    def _keep(self, task: asyncio.Task[dict[str, str]]) -> None:
        self._running = None
        if not task.cancelled() and task.exception() is None and not task.result():
            self._ready_until = time.monotonic() + READY_FOR_S


def _replicas(request: Request) -> dict[str, Any]:
    """Return the state of each replica by its number; nothing without replicas."""
    replicas: Replicas | None = request.scope.get("state", {}).get("replicas")
    if replicas is None:
        return {}
    states = {str(status.number): status.reason or "used" for status in replicas.statuses}
    return {"replicas": states}


def _not_ready(missing: Mapping[str, Any]) -> Response:
    return JSONResponse(
        {"status": "not ready", **missing},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def _missing() -> dict[str, str]:
    """Return the missing requirement, and the reason if it is known; empty if there is none."""
    try:
        with reserved():
            async with asyncio.timeout(DATABASE_TIMEOUT_S):
                state, is_read_only, is_standby, lacking = await _read_state()
    except MigrationRefused as error:
        # Another process has applied a migration with which this version does not run.
        return {"missing": "compatible schema", "reason": str(error)}
    except Exception as error:
        if is_unavailable(error) or isinstance(error, _DATABASE_ERRORS):
            return _no_database(error)
        raise
    if not state.is_migrated:
        return {"missing": "migrations"}
    if is_read_only:
        reason = "The server is a standby." if is_standby else _READ_ONLY
        return {"missing": "writable database", "reason": reason}
    if lacking is not None:
        return {"missing": "privileges", "reason": f"The role lacks {lacking}."}
    return {}


@repeats_outdated_statements
async def _read_state() -> tuple[SchemaState, bool, bool, str | None]:
    """Return the schema, whether the session is read-only, on a standby, and what it lacks."""
    async with default_client().acquire_connection() as connection:
        state = await schema_state(connection)
        is_read_only, is_standby = await connection.fetchrow(_STATE)
        return state, is_read_only, is_standby, await missing_privileges(connection)


def _no_database(error: BaseException) -> dict[str, str]:
    """Return the SQLSTATE as the reason: its text can contain names of the database."""
    if NoWritableHost in {type(error), type(error.__cause__)}:
        return {"missing": "writable database", "reason": _NO_HOST}
    state = sqlstate(error)
    if state is None:
        return {"missing": "database"}
    return {"missing": "database", "reason": f"PostgreSQL reports SQLSTATE {state}."}
