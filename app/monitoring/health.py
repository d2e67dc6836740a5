"""Whether the process lives, and whether it can do its work: for those who watch it."""

import asyncio

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise.exceptions import BaseORMException

from app.database.migrations import EXPECTED_VERSION, migration_number, schema_version
from engine.database.errors import is_unavailable
from engine.database.queries import default_client

__all__ = ["healthz", "readyz"]

DATABASE_TIMEOUT_S = 2.0
RETRY_AFTER_S = 1


async def healthz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Answer: the process lives."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:  # noqa: ARG001  # an endpoint's signature
    """Answer 200 where the database answers and is migrated, else 503 with what is missing."""
    missing = await _missing()
    if missing is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse(
        {"status": "not ready", "missing": missing},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def _missing() -> str | None:
    try:
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
    # A newer database is one whose newer servers are just being started.
    if version is None or migration_number(version) < migration_number(EXPECTED_VERSION):
        return "migrations"
    return None
