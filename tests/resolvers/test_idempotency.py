"""Idempotency keys belong to the identity of a caller, and expire."""

import asyncio

import asyncpg
import pytest
from tortoise.transactions import in_transaction

import app.key_expiry
from app.config.settings import Settings
from app.key_expiry import background_key_expiry
from engine.database.queries import default_client
from models import IdempotencyKey
from resolvers.context import Caller
from resolvers.errors import Conflict
from resolvers.idempotency import KeyedCall, claim_key, delete_expired_keys, keyed_call

TOKEN = Caller("ann", identity="token:ann")
JWT = Caller("ann", identity="jwt:ann")
# The statements of the version before the column `caller_identity`.
FORMER_CLAIM = """
INSERT INTO idempotency_keys (caller, key, fingerprint, result_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (caller, key) DO NOTHING
RETURNING result_id
"""
FORMER_FIND = """
SELECT fingerprint, result_id
FROM idempotency_keys
WHERE caller = $1 AND key = $2
"""
AGE = "UPDATE idempotency_keys SET created_at = created_at - make_interval(hours => $1)"

pytestmark = pytest.mark.usefixtures("database")


def call(caller: Caller, key: str = "k") -> KeyedCall:
    found = keyed_call(caller, key, "createTicket", {"subject": "s"})
    assert found is not None
    return found


async def claim(caller: Caller, result_id: str, key: str = "k") -> str | None:
    async with in_transaction() as connection:
        return await claim_key(connection, call(caller, key), result_id)


async def former_claim(caller: Caller, result_id: str) -> str | None:
    made = call(caller)
    values = [made.caller, made.key, made.fingerprint, result_id]
    if await default_client().execute_query_dict(FORMER_CLAIM, values):
        return None
    rows = await default_client().execute_query_dict(FORMER_FIND, [made.caller, made.key])
    found: str = rows[0]["result_id"]
    return found


async def age(hours: int) -> None:
    await default_client().execute_query(AGE, [hours])


@pytest.fixture
async def token_named_ann(database: None) -> None:  # noqa: ARG001  # it empties the tables
    """Store an API token with the name of the callers."""
    await default_client().execute_query(
        "INSERT INTO api_tokens (id, name, digest, scopes) VALUES ('t', 'ann', $1, '[]')",
        ["d" * 64],
    )


async def test_callers_of_one_name_have_keys_of_their_own() -> None:
    callers = (TOKEN, JWT, Caller("ann"), Caller("ann", identity="jwt-sha256:1"))
    for number, caller in enumerate(callers):
        assert await claim(caller, f"r{number}") is None
    for number, caller in enumerate(callers):
        assert await claim(caller, "again") == f"r{number}"


@pytest.mark.parametrize("second", [TOKEN, JWT], ids=["same", "other"])
async def test_concurrent_calls_of_two_callers_each_have_one_result(second: Caller) -> None:
    results = await asyncio.gather(
        *(claim(caller, f"{number}") for number, caller in enumerate((TOKEN, second) * 4))
    )
    callers = {TOKEN.identity, second.identity}
    assert results.count(None) == len(callers)
    assert await IdempotencyKey.all().count() == len(callers)


async def test_a_key_of_another_input_is_refused_for_its_own_caller_only() -> None:
    await claim(TOKEN, "r")
    changed = keyed_call(TOKEN, "k", "createTicket", {"subject": "other"})
    assert changed is not None
    async with in_transaction() as connection:
        with pytest.raises(Conflict, match="used before"):
            await claim_key(connection, changed, "r2")
    foreign = keyed_call(JWT, "k", "createTicket", {"subject": "other"})
    assert foreign is not None
    async with in_transaction() as connection:
        assert await claim_key(connection, foreign, "r2") is None


async def test_keys_of_an_older_version_keep_working() -> None:
    assert await former_claim(JWT, "old") is None
    assert await claim(JWT, "new") == "old"
    assert await IdempotencyKey.all().count() == 1


@pytest.mark.usefixtures("token_named_ann")
async def test_a_key_of_an_older_version_belongs_to_the_token_of_its_name() -> None:
    assert await former_claim(TOKEN, "old") is None
    assert await claim(JWT, "jwt") is None
    assert await claim(TOKEN, "token") == "old"
    assert await claim(JWT, "again") == "jwt"


async def test_an_older_version_that_still_runs_shares_the_keys() -> None:
    assert await claim(TOKEN, "new") is None
    assert await former_claim(TOKEN, "old") == "new"


async def test_expired_keys_are_deleted_in_batches() -> None:
    for number in range(5):
        await claim(TOKEN, "old", f"k{number}")
    await age(25)
    await claim(TOKEN, "young", "k5")
    assert await delete_expired_keys(26) == 0
    assert [await delete_expired_keys(24, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    [left] = await IdempotencyKey.all()
    assert left.key == "k5"
    assert await claim(TOKEN, "new", "k0") is None


async def test_several_processes_delete_at_once(database_url: str) -> None:
    for number in range(20):
        await claim(TOKEN, "old", f"k{number}")
    await age(25)
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("SELECT FROM idempotency_keys WHERE key < 'k15' FOR UPDATE")
        async with asyncio.timeout(60):
            deleted = await asyncio.gather(*(delete_expired_keys(24) for _ in range(4)))
        # "k2" to "k9" and "k15" to "k19".
        assert sum(deleted) == 13
    await other.close()
    assert await delete_expired_keys(24) == 7


async def test_keys_are_deleted_in_the_background_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.key_expiry, "INTERVAL_S", 0.01)
    calls = 0

    async def fail_once(ttl_hours: int, *, limit: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("no")
        return await delete_expired_keys(ttl_hours, limit=limit)

    monkeypatch.setattr(app.key_expiry, "delete_expired_keys", fail_once)
    await claim(TOKEN, "old")
    await age(25)
    async with asyncio.timeout(60), background_key_expiry(Settings.load({}, dotenv=None)):
        while await IdempotencyKey.all().count():  # noqa: ASYNC110  # nothing notifies of it
            await asyncio.sleep(0.01)
    assert calls >= 2
    assert "expired idempotency keys not deleted" in caplog.text
