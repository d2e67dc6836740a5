"""The key set of JWT_JWKS_URL: caching, fetches and failures."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.auth.jwt import InvalidJwt, JwtVerifier
from app.auth.key_set import KeySet, KeysUnavailable
from app.config.settings import Settings
from tests.app.auth.key_server import KeyServer, key_server, new_key, private, public, token_of
from tests.ops.test_circuit_breaker import Clock

FIRST = new_key()
SECOND = new_key()
TEN_MINUTES_S = 600
# The age after which an unknown key causes another fetch.
LITTLE_S = 10


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """Run a server with one key, named "first"."""
    with key_server() as server:
        server.publish(public("first", FIRST))
        yield server


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the key set."""
    return Clock()


@pytest.fixture
def keys(server: KeyServer, clock: Clock) -> KeySet:
    """Return a key set that has not been fetched."""
    return KeySet(server.url, clock=clock)


async def is_known(keys: KeySet, kid: str | None) -> bool:
    return await keys.find(kid) is not None


async def is_unavailable(keys: KeySet, kid: str | None) -> bool:
    try:
        await keys.find(kid)
    except KeysUnavailable:
        return True
    return False


async def test_a_new_key_is_fetched_when_a_token_names_it_and_a_removed_key_is_rejected(
    server: KeyServer, clock: Clock
) -> None:
    settings = Settings.load({"JWT_JWKS_URL": server.url}, dotenv=None)
    jwts = JwtVerifier(settings, clock=clock)
    before, after = token_of("first", FIRST), token_of("second", SECOND)
    assert (await jwts.claims(before))["sub"] == "ann"
    server.publish(public("second", SECOND))
    clock.now_s += LITTLE_S + 1
    assert (await jwts.claims(before))["sub"] == "ann"
    assert (await jwts.claims(after))["sub"] == "ann"
    with pytest.raises(InvalidJwt, match="the key set has no key"):
        await jwts.claims(before)


async def test_a_removed_key_is_rejected_after_ten_minutes(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.publish()
    clock.now_s += TEN_MINUTES_S
    assert await is_known(keys, "first")
    clock.now_s += 1
    assert not await is_known(keys, "first")


async def test_unknown_key_ids_do_not_cause_a_fetch_each_time(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert not any([await is_known(keys, f"guessed {number}") for number in range(4)])
    assert server.requests == 1
    clock.now_s += LITTLE_S + 1
    assert not any([await is_known(keys, f"guessed {number}") for number in range(4)])
    assert server.requests == 2


async def test_concurrent_callers_share_one_fetch(keys: KeySet, server: KeyServer) -> None:
    assert all(await asyncio.gather(*(is_known(keys, "first") for _ in range(10))))
    assert server.requests == 1


async def test_a_cancelled_caller_does_not_cancel_the_fetch_of_others(
    keys: KeySet, server: KeyServer
) -> None:
    server.may_respond.clear()
    cancelled, waiting = (asyncio.create_task(keys.find("first")) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    server.may_respond.set()
    assert await waiting is not None
    assert server.requests == 1


async def test_known_keys_remain_valid_while_the_server_fails(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.status = 503
    for _ in range(3):
        clock.now_s += TEN_MINUTES_S + 1
        assert await is_known(keys, "first")
        # The set may have this key by now.
        assert await is_unavailable(keys, "second")
    server.publish(public("second", SECOND))
    clock.now_s += TEN_MINUTES_S + 1
    assert await is_known(keys, "second")
    assert not await is_known(keys, "first")


async def test_callers_with_a_known_key_do_not_wait_for_a_server_that_failed(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.status = 503
    clock.now_s += TEN_MINUTES_S + 1
    assert await is_known(keys, "first")
    server.may_respond.clear()
    clock.now_s += TEN_MINUTES_S
    assert await is_known(keys, "first")
    fetching = keys._running_fetch
    assert fetching is not None
    # The response of the fetch is still used.
    server.publish()
    server.may_respond.set()
    await fetching
    assert not await is_known(keys, "first")


async def test_the_delay_between_fetches_grows_after_failures(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    server.status = 404
    waits = []
    for number in range(1, 10):
        assert all([await is_unavailable(keys, f"guessed {guess}") for guess in range(4)])
        assert server.requests == number
        with pytest.raises(KeysUnavailable) as unavailable:
            await keys.find("first")
        waits.append(unavailable.value.retry_after_s)
        clock.now_s += unavailable.value.retry_after_s
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    server.publish(public("first", FIRST))
    assert await is_known(keys, "first")


@pytest.mark.parametrize(
    "content",
    ["[]", "null", "5", '"keys"', "{}", '{"keys": null}', '{"keys": "x"}', "no JSON", "[" * 5000],
)
async def test_an_invalid_key_set_is_a_failure(
    keys: KeySet, server: KeyServer, content: str
) -> None:
    server.content = content.encode()
    assert await is_unavailable(keys, "first")


async def test_a_key_set_that_is_too_large_is_a_failure(keys: KeySet, server: KeyServer) -> None:
    server.content = b'{"keys": []}' + b" " * 300_000
    assert await is_unavailable(keys, "first")


async def test_an_unreachable_server_is_a_failure(clock: Clock) -> None:
    assert await is_unavailable(KeySet("http://127.0.0.1:1/keys", clock=clock), "first")


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(public("other", SECOND, use="enc"), id="to encrypt"),
        pytest.param(public("other", SECOND, key_ops=["encrypt"]), id="with other operations"),
        pytest.param(public("other", SECOND, alg="RS512"), id="of another algorithm"),
        pytest.param({**public("other", SECOND), "kid": ["other"]}, id="without a name"),
        pytest.param(public("other", SECOND, n=1), id="broken"),
        pytest.param({"kid": "other", "kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}, id="secret"),
        pytest.param(private("other", SECOND), id="private"),
        pytest.param({"kid": "other"}, id="empty"),
        pytest.param(5, id="a number"),
    ],
)
async def test_members_that_cannot_verify_signatures_are_ignored(
    keys: KeySet, server: KeyServer, member: Any
) -> None:
    server.content = json.dumps({"keys": [member, public("first", FIRST)]}).encode()
    assert not await is_known(keys, "other")
    assert await is_known(keys, "first")


async def test_a_key_without_an_id(keys: KeySet, server: KeyServer) -> None:
    server.publish(public(None, FIRST))
    assert await is_known(keys, None)
