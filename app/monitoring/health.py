"""Health checks for load balancers and orchestrators."""

import asyncio

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.exceptions import BaseORMException

from app.database.migrations import EXPECTED_VERSION, migration_number, schema_version
from engine.database.errors import is_unavailable
from engine.database.queries import default_client
from engine.database.shares import reserved

__all__ = ["healthz", "readyz"]

DATABASE_TIMEOUT_S = 2.0
RETRY_AFTER_S = 1


async def healthz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Liveness check: respond 200 while the process runs."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Readiness check: respond 200 if the database is reachable and migrated, else 503."""
    missing = await _missing()
    if missing is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse(
        {"status": "not ready", "missing": missing},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


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
