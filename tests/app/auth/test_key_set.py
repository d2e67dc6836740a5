"""The keys of JWT_JWKS_URL: how often they are fetched, and what is done while they cannot be."""

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
# Until a key that is not known is asked for again.
LITTLE_S = 10


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """Run a server with one key, "first"."""
    with key_server() as server:
        server.publish(public("first", FIRST))
        yield server


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the keys."""
    return Clock()


@pytest.fixture
def keys(server: KeyServer, clock: Clock) -> KeySet:
    """Return the keys, of which none has been fetched."""
    return KeySet(server.url, clock=clock)


async def is_known(keys: KeySet, kid: str | None) -> bool:
    return await keys.find(kid) is not None


async def is_unavailable(keys: KeySet, kid: str | None) -> bool:
    try:
        await keys.find(kid)
    except KeysUnavailable:
        return True
    return False


async def test_a_new_key_is_taken_when_a_token_names_it_and_a_removed_one_refused(
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


async def test_a_removed_key_is_refused_after_ten_minutes_though_no_new_one_is_named(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.publish()
    clock.now_s += TEN_MINUTES_S
    assert await is_known(keys, "first")
    clock.now_s += 1
    assert not await is_known(keys, "first")


async def test_names_of_no_key_do_not_have_the_set_fetched_each_time(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert not any([await is_known(keys, f"guessed {number}") for number in range(4)])
    assert server.asked == 1
    clock.now_s += LITTLE_S + 1
    assert not any([await is_known(keys, f"guessed {number}") for number in range(4)])
    assert server.asked == 2


async def test_who_asks_at_once_shares_one_fetch(keys: KeySet, server: KeyServer) -> None:
    assert all(await asyncio.gather(*(is_known(keys, "first") for _ in range(10))))
    assert server.asked == 1


async def test_who_gives_up_waiting_does_not_end_the_fetch_of_others(
    keys: KeySet, server: KeyServer
) -> None:
    server.answers.clear()
    hasty, patient = (asyncio.create_task(keys.find("first")) for _ in range(2))
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.wait([hasty])
    server.answers.set()
    assert await patient is not None
    assert server.asked == 1


async def test_keys_that_are_known_stay_good_while_their_server_is_away(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.status = 503
    for _ in range(3):
        clock.now_s += TEN_MINUTES_S + 1
        assert await is_known(keys, "first")
        # Whether there is a new key by now, nobody can say.
        assert await is_unavailable(keys, "second")
    server.publish(public("second", SECOND))
    clock.now_s += TEN_MINUTES_S + 1
    assert await is_known(keys, "second")
    assert not await is_known(keys, "first")


async def test_who_has_a_known_key_does_not_wait_for_a_server_that_failed_before(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    assert await is_known(keys, "first")
    server.status = 503
    clock.now_s += TEN_MINUTES_S + 1
    assert await is_known(keys, "first")
    server.answers.clear()
    clock.now_s += TEN_MINUTES_S
    assert await is_known(keys, "first")
    fetching = keys._running_fetch
    assert fetching is not None
    # Nor does its answer get lost.
    server.publish()
    server.answers.set()
    await fetching
    assert not await is_known(keys, "first")


async def test_a_server_that_failed_is_asked_more_and_more_seldom(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    server.status = 404
    waits = []
    for number in range(1, 10):
        assert all([await is_unavailable(keys, f"guessed {guess}") for guess in range(4)])
        assert server.asked == number
        with pytest.raises(KeysUnavailable) as away:
            await keys.find("first")
        waits.append(away.value.retry_after_s)
        clock.now_s += away.value.retry_after_s
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    server.publish(public("first", FIRST))
    assert await is_known(keys, "first")


@pytest.mark.parametrize(
    "content",
    ["[]", "null", "5", '"keys"', "{}", '{"keys": null}', '{"keys": "x"}', "no JSON", "[" * 5000],
)
async def test_what_is_no_set_of_keys_is_a_failure(
    keys: KeySet, server: KeyServer, content: str
) -> None:
    server.content = content.encode()
    assert await is_unavailable(keys, "first")


async def test_a_set_without_end_is_a_failure(keys: KeySet, server: KeyServer) -> None:
    server.content = b'{"keys": []}' + b" " * 300_000
    assert await is_unavailable(keys, "first")


async def test_a_server_that_nobody_answers_for_is_a_failure(clock: Clock) -> None:
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
async def test_what_is_no_key_to_check_signatures_with_is_passed_over(
    keys: KeySet, server: KeyServer, member: Any
) -> None:
    server.content = json.dumps({"keys": [member, public("first", FIRST)]}).encode()
    assert not await is_known(keys, "other")
    assert await is_known(keys, "first")


async def test_a_key_may_have_no_name(keys: KeySet, server: KeyServer) -> None:
    server.publish(public(None, FIRST))
    assert await is_known(keys, None)
