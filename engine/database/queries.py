"""Statements that run outside any transaction."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.connection import get_connections

from engine.database.pool import Pool, open_pools

__all__ = ["default_client", "fetch", "pool_usage"]


def default_client() -> BaseDBAsyncClient:
    """Return the ORM's client that runs each statement in a transaction of its own."""
    return get_connections().get("default")


async def fetch(statement: str, values: Sequence[Any]) -> list[asyncpg.Record]:
    """Run one statement outside any transaction and return its rows."""
    pool = open_pools[-1] if open_pools else await _open_pool()
    connection = await pool.acquire()
    try:
        records: list[asyncpg.Record] = await connection.fetch(statement, *values)
    except BaseException:
        pool.release_in_background(connection)
        raise
    pool.return_clean(connection)
    return records


def pool_usage() -> tuple[int, int]:
    """Return the number of connections that are available, and the size of the pool."""
    pool = open_pools[-1] if open_pools else None
    return (pool.available, pool.max_size) if pool else (0, 0)


async def _open_pool() -> Pool:
    await default_client().acquire_connection().ensure_connection()
    return open_pools[-1]
