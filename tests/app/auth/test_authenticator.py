"""Lookups of API tokens that several requests share."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.auth.authenticator import Authenticator, Unauthenticated
from app.auth.rate_limit import RateLimit
from app.auth.tokens import create_token
from app.config.settings import Settings

pytestmark = pytest.mark.usefixtures("database")

REQUESTS = 40
_WAITING = """
SELECT count(*)
FROM pg_locks
WHERE NOT granted
  AND relation = 'api_tokens'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def authenticator() -> Authenticator:
    settings = Settings(auth="required")
    return Authenticator(settings, RateLimit(settings))


def scope(token: str) -> dict[str, Any]:
    return {"headers": [(b"authorization", b"Bearer " + token.encode())], "client": None}


def lookups(statements: list[str]) -> int:
    return sum("UPDATE api_tokens" in statement for statement in statements)


async def until_one_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(60):
        while True:
            if await connection.fetchval(_WAITING):
                return
            await asyncio.sleep(0.02)


async def test_requests_with_the_same_new_token_share_a_lookup(statements: list[str]) -> None:
    token = await create_token("ann", ["read"], expires_at=None)
    shared = authenticator()
    callers = await asyncio.gather(*(shared.authenticate(scope(token)) for _ in range(REQUESTS)))
    assert {caller.name for caller in callers} == {"ann"}
    assert lookups(statements) == 1


async def test_requests_with_the_same_unknown_token_share_a_lookup(statements: list[str]) -> None:
    shared = authenticator()
    answers = await asyncio.gather(
        *(shared.authenticate(scope("ticketops_unknown")) for _ in range(REQUESTS)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [Unauthenticated] * REQUESTS
    assert lookups(statements) == 1
    with pytest.raises(Unauthenticated):
        await shared.authenticate(scope("ticketops_unknown"))
    assert lookups(statements) == 2


async def test_a_cancelled_request_does_not_end_the_lookup_of_the_others(
    database_url: str,
) -> None:
    token = await create_token("ann", ["read"], expires_at=None)
    shared = authenticator()
    lock = await asyncpg.connect(database_url)
    try:
        transaction = lock.transaction()
        await transaction.start()
        await lock.execute("LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE")
        first, second = (asyncio.create_task(shared.authenticate(scope(token))) for _ in range(2))
        await until_one_waits(lock)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await transaction.rollback()
        assert (await second).name == "ann"
    finally:
        await lock.close()


async def test_a_long_credential_is_rejected_without_a_lookup(statements: list[str]) -> None:
    for long in ("ticketops_" + "x" * 8_183, "x" * 8_193):
        with pytest.raises(Unauthenticated, match=r"more than 8,192 characters.* fixed limit"):
            await authenticator().authenticate(scope(long))
    assert lookups(statements) == 0
    with pytest.raises(Unauthenticated, match="invalid or has expired"):
        await authenticator().authenticate(scope("ticketops_" + "x" * 8_182))
    assert lookups(statements) == 1
