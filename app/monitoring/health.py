"""Health checks for load balancers and orchestrators."""

import asyncio
import time

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.exceptions import BaseORMException

from app.database.migrations import EXPECTED_VERSION, migration_number, schema_version
from engine.database.errors import is_unavailable
from engine.database.queries import default_client
from engine.database.shares import reserved

__all__ = ["Readiness", "healthz"]

DATABASE_TIMEOUT_S = 2.0
RETRY_AFTER_S = 1
READY_FOR_S = 1.0


async def healthz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Liveness check: respond 200 while the process runs."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Readiness check of one application.

    Anyone can ask for it without a credential, and it uses connections in reserve. So requests that
    arrive while it runs share its result, and a positive one is valid for a second.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[str | None] | None = None
        self._ready_until = 0.0

    async def readyz(self, request: Request) -> Response:  # noqa: ARG002  # an endpoint's signature
        """Respond 200 if the database is reachable and migrated, else 503."""
        missing = await self._checked()
        if missing is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse(
            {"status": "not ready", "missing": missing},
            status_code=503,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )

    async def _checked(self) -> str | None:
        if time.monotonic() < self._ready_until:
            return None
        if self._running is None:
            # The check must not end with the request that began it.
            self._running = asyncio.create_task(_missing())
            self._running.add_done_callback(self._keep)
        return await asyncio.shield(self._running)

    def _keep(self, task: asyncio.Task[str | None]) -> None:
        self._running = None
        if not task.cancelled() and task.exception() is None and task.result() is None:
            self._ready_until = time.monotonic() + READY_FOR_S


async def _missing() -> str | None:
    """Return the missing requirement, "database" or "migrations"; None if there is none."""
    try:
        with reserved():
            async with (
                asyncio.timeout(DATABASE_TIMEOUT_S),
                default_client().acquire_connection() as connection,
            ):
                version = await schema_version(connection)
    except (asyncpg.PostgresError, BaseORMException, OSError, TimeoutError):
        return "database"
    except Exception as error:
        if is_unavailable(error):
            return "database"
        raise
    # During an upgrade the database is newer than this process, which is fine.
    if version is None or migration_number(version) < migration_number(EXPECTED_VERSION):
        return "migrations"
    return None
