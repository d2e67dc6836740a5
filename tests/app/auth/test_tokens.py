"""API tokens: what is kept of them, and how they may be named."""

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


async def test_of_the_secret_only_a_hash_is_kept() -> None:
    secret = await create_token("ann", ["read"], expires_at=None)
    [row] = await default_client().execute_query_dict("SELECT t::text AS row FROM api_tokens AS t")
    assert secret.removeprefix("ticketops_") not in row["row"]


async def test_when_it_was_last_used_is_noted_once_a_minute() -> None:
    secret = await create_token("ann", ["read"], expires_at=None)
    assert (await only_token()).last_used_at is None
    before = datetime.now(UTC)
    assert await find_token(secret) is not None
    noted = (await only_token()).last_used_at
    assert noted is not None
    assert before <= noted <= datetime.now(UTC)
    await find_token(secret)
    assert (await only_token()).last_used_at == noted
    await run("UPDATE api_tokens SET last_used_at = $1", noted - timedelta(minutes=1))
    await find_token(secret)
    again = (await only_token()).last_used_at
    assert again is not None
    assert again >= noted


async def test_a_token_that_is_not_good_is_not_used() -> None:
    secret = await create_token("ann", ["read"], expires_at=datetime.now(UTC))
    assert await find_token(secret) is None
    assert await find_token("ticketops_another") is None
    assert (await only_token()).last_used_at is None


async def test_it_expires_after_the_days_that_were_given(database_url: str, tmp_path: Path) -> None:
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
async def test_a_name_that_would_break_a_line_or_a_column_is_refused(name: str) -> None:
    with pytest.raises(TokenError, match="1 to 200 printable characters"):
        await create_token(name, ["read"], expires_at=None)
    assert await list_tokens() == []


@pytest.mark.parametrize("name", ["n", "front end", "Zoë", "n" * 200])
async def test_any_other_name_will_do(name: str) -> None:
    await create_token(name, ["read"], expires_at=None)
    assert (await only_token()).name == name


async def test_a_name_that_is_too_long_is_told_in_one_line(
    database_url: str, tmp_path: Path
) -> None:
    arguments = ("token", "create", "n" * 300, "--scope", "read")
    done = ticketops(*arguments, cwd=tmp_path, DATABASE_URL=database_url)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("ticketops: The name of a token must have 1 to 200 printable characters")


@pytest.mark.parametrize("name", ["nobody", "\udcff"])
async def test_what_nobody_is_named_cannot_be_revoked(name: str) -> None:
    with pytest.raises(TokenError, match="No active token is named"):
        await revoke_token(name)
