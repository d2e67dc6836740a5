"""Health checks for load balancers and orchestrators."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from engine.database.queries import default_client, pool_usage
from engine.database.replicas import Replicas
from engine.database.shares import reserved

__all__ = ["Readiness", "healthz"]

DATABASE_TIMEOUT_S = 2.0
_READ_ONLY = "default_transaction_read_only is on."
_NO_HOST = "The sessions of all hosts that respond are read-only."
_DATABASE_ERRORS = (asyncpg.PostgresError, BaseORMException, OSError, TimeoutError)
RETRY_AFTER_S = 1
READY_FOR_S = 1.0
_STATE = """
SELECT
  current_setting('transaction_read_only') = 'on',
  pg_is_in_recovery(),
  round(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::numeric, 3)::float
"""


@dataclass(frozen=True, slots=True)
class _Report:
    """The missing requirement with its reason, and the facts of the database if it responds."""

    missing: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)


async def healthz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Liveness check: respond 200 while the process runs."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Readiness check of one application.

    Anyone can ask for it without a credential, and it uses connections in reserve. So requests that
    arrive while it runs share its result, and a positive one is valid for a second.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[_Report] | None = None
        self._ready: _Report | None = None
        self._ready_until = 0.0

    async def readyz(self, request: Request) -> Response:
        """Respond 200 if the database is migrated and accepts changes, else 503.

        While the process drains, respond 503 too, so that load balancers choose another server.
        Replicas are named, but the server works without them too.
        """
        if DRAINING.has_begun:
            return _not_ready({"missing": "running server", "reason": "The server is stopping."})
        report = await self._checked()
        details = {**report.facts, **_replicas(request)}
        if not report.missing:
            return JSONResponse({"status": "ready", **details})
        return _not_ready({**report.missing, **details})

    async def _checked(self) -> _Report:
        if self._ready is not None and time.monotonic() < self._ready_until:
            return self._ready
        if self._running is None:
            # The check must not end with the request that began it.
            self._running = asyncio.create_task(_check())
            self._running.add_done_callback(self._keep)
        return await asyncio.shield(self._running)

    def _keep(self, task: asyncio.Task[_Report]) -> None:
        self._running = None
        if not task.cancelled() and task.exception() is None and not task.result().missing:
            self._ready = task.result()
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


async def _check() -> _Report:
    try:
        with reserved():
            async with asyncio.timeout(DATABASE_TIMEOUT_S):
                return await _read_state()
    except MigrationRefused as error:
        # Another process has applied a migration with which this version does not run.
        return _Report({"missing": "compatible schema", "reason": str(error)})
    except Exception as error:
        if is_unavailable(error) or isinstance(error, _DATABASE_ERRORS):
            return _Report(_no_database(error))
        raise


@repeats_outdated_statements
async def _read_state() -> _Report:
    async with default_client().acquire_connection() as connection:
        schema = await schema_state(connection)
        is_read_only, is_standby, lag_s = await connection.fetchrow(_STATE)
        lacking = await missing_privileges(connection)
    usage = pool_usage()
    facts = {
        "database": {
            "role": "standby" if is_standby else "primary",
            # Of a standby: since the last transaction that it has replayed.
            **({"lag_s": lag_s} if is_standby else {}),
            "schema": schema.version,
        },
        "pool": {
            "size": usage.size,
            "used": usage.size - usage.available,
            "waiting": usage.waiting_for_connection + usage.waiting_for_share,
        },
    }
    return _Report(
        _missing(schema, lacking, is_read_only=is_read_only, is_standby=is_standby), facts
    )


def _missing(
    schema: SchemaState, lacking: str | None, *, is_read_only: bool, is_standby: bool
) -> dict[str, str]:
    """Return the missing requirement, and the reason if it is known; empty if there is none."""
    if not schema.is_migrated:
        return {"missing": "migrations"}
    if is_read_only:
        reason = "The server is a standby." if is_standby else _READ_ONLY
        return {"missing": "writable database", "reason": reason}
    if lacking is not None:
        return {"missing": "privileges", "reason": f"The role lacks {lacking}."}
    return {}


def _no_database(error: BaseException) -> dict[str, str]:
    """Return the SQLSTATE as the reason: its text can contain names of the database."""
    if NoWritableHost in {type(error), type(error.__cause__)}:
        return {"missing": "writable database", "reason": _NO_HOST}
    state = sqlstate(error)
    if state is None:
        return {"missing": "database"}
    return {"missing": "database", "reason": f"PostgreSQL reports SQLSTATE {state}."}
