"""API tokens: storage, expiry, names and revocation."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.auth.tokens import TokenError, create_token, find_token, list_tokens, revoke_token
from engine.database.queries import default_client
from models import ApiToken
from tests.app.service import ticketops

pytestmark = pytest.mark.usefixtures("database")


async def only_token() -> ApiToken:
    [token] = await list_tokens()
    return token


async def run(statement: str, *values: Any) -> None:
    await default_client().execute_query_dict(statement, list(values))


async def test_only_a_hash_of_the_secret_is_stored() -> None:
    secret = await create_token("ann", ["read"], expires_at=None)
    [row] = await default_client().execute_query_dict("SELECT t::text AS row FROM api_tokens AS t")
    assert secret.removeprefix("ticketops_") not in row["row"]


async def test_the_last_use_is_recorded_once_a_minute() -> None:
    secret = await create_token("ann", ["read"], expires_at=None)
    assert (await only_token()).last_used_at is None
    before = datetime.now(UTC)
    assert await find_token(secret) is not None
    recorded = (await only_token()).last_used_at
    assert recorded is not None
    assert before <= recorded <= datetime.now(UTC)
    await find_token(secret)
    assert (await only_token()).last_used_at == recorded
    await run("UPDATE api_tokens SET last_used_at = $1", recorded - timedelta(minutes=1))
    await find_token(secret)
    again = (await only_token()).last_used_at
    assert again is not None
    assert again >= recorded


async def test_an_expired_or_unknown_token_is_not_found() -> None:
    secret = await create_token("ann", ["read"], expires_at=datetime.now(UTC))
    assert await find_token(secret) is None
    assert await find_token("ticketops_another") is None
    assert (await only_token()).last_used_at is None


async def test_a_token_expires_after_the_given_days(database_url: str, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    arguments = ("token", "create", "ann", "--scope", "read", "--days", "90")
    done = ticketops(*arguments, cwd=tmp_path, DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    expires_at = (await only_token()).expires_at
    assert expires_at is not None
    assert before <= expires_at - timedelta(days=90) <= datetime.now(UTC)
    listed = ticketops("token", "list", cwd=tmp_path, DATABASE_URL=database_url).stdout
    assert f"{expires_at:%Y-%m-%d %H:%M}" in listed


@pytest.mark.parametrize(
    "name",
    ["", " ", " ann", "ann ", "a\nb", "a\tb", "a\x1b[2J", "a\x7f", "a\u2028b", "\udcff", "n" * 201],
)
async def test_an_invalid_name_is_rejected(name: str) -> None:
    with pytest.raises(TokenError, match="1 to 200 printable characters"):
        await create_token(name, ["read"], expires_at=None)
    assert await list_tokens() == []


@pytest.mark.parametrize("name", ["n", "front end", "Zoë", "n" * 200])
async def test_a_valid_name_is_accepted(name: str) -> None:
    await create_token(name, ["read"], expires_at=None)
    assert (await only_token()).name == name


async def test_the_error_for_a_long_name_is_one_line(database_url: str, tmp_path: Path) -> None:
    arguments = ("token", "create", "n" * 300, "--scope", "read")
    done = ticketops(*arguments, cwd=tmp_path, DATABASE_URL=database_url)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("ticketops: The name of a token must have 1 to 200 printable characters")


@pytest.mark.parametrize("name", ["nobody", "\udcff"])
async def test_an_unknown_token_cannot_be_revoked(name: str) -> None:
    with pytest.raises(TokenError, match="No active token is named"):
        await revoke_token(name)
