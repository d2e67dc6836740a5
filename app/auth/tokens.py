"""API tokens: create, find, list and revoke. Only a hash of the secret is stored."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from engine.database.queries import fetch, write
from engine.sql.tables import instance
from models import ApiToken
from models.api_token import NAME_MAX_LENGTH
from models.columns import new_id
from schema.access import SCOPES

__all__ = [
    "PREFIX",
    "FoundToken",
    "TokenError",
    "create_token",
    "database_time",
    "find_token",
    "list_tokens",
    "revoke_token",
]

# Distinguishes API tokens from JWTs, and lets scanners find leaked secrets.
PREFIX = "ticketops_"
_SECRET_BYTES = 32

_CREATE = """
INSERT INTO api_tokens (id, name, digest, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO NOTHING
RETURNING *
"""
# last_used_at is updated at most once a minute, so that few lookups write. A failover may lose it:
# a lookup, and with it every read, must not wait for a synchronous standby.
_FIND = """
WITH found AS (
    SELECT *
    FROM api_tokens
    WHERE digest = $1
      AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > clock_timestamp())
), touched AS (
    UPDATE api_tokens
    SET last_used_at = clock_timestamp()
    FROM found
    WHERE api_tokens.id = found.id
      AND (found.last_used_at IS NULL
           OR found.last_used_at < clock_timestamp() - interval '1 minute')
      -- Until the end of this statement's transaction.
      AND set_config('synchronous_commit', 'local', true) = 'local'
)
SELECT *, extract(epoch FROM expires_at - clock_timestamp())::float8 AS valid_for_s FROM found
"""
_LIST = "SELECT * FROM api_tokens ORDER BY created_at, name"
_REVOKE = """
UPDATE api_tokens
SET revoked_at = clock_timestamp()
WHERE name = $1
  AND revoked_at IS NULL
RETURNING *
"""


class TokenError(Exception):
    """A token cannot be created or revoked; the message says why."""


async def create_token(name: str, scopes: Iterable[str], *, expires_at: datetime | None) -> str:
    """Create a token and return its secret, which is not stored; raises TokenError."""
    # Lists and logs show names in one line.
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= NAME_MAX_LENGTH:
        raise TokenError(
            f"The name of a token must have 1 to {NAME_MAX_LENGTH} printable characters, without "
            "spaces at the start and the end."
        )
    wanted = sorted(set(scopes))
    if unknown := sorted(set(wanted) - SCOPES):
        raise TokenError(
            f"Unknown scope {', '.join(unknown)}. Available scopes: {', '.join(sorted(SCOPES))}."
        )
    if not wanted:
        raise TokenError(f"A token needs at least one scope of {', '.join(sorted(SCOPES))}.")
    secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    values = [new_id(), name, _digest(secret), orjson.dumps(wanted).decode(), expires_at]
    if not await write(_CREATE, values):
        raise TokenError(f"A token named {name} already exists. Choose another name.")
    return secret


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token, and the seconds until it expires, by the database's clock."""

    token: ApiToken
    valid_for_s: float | None


async def find_token(secret: str) -> FoundToken | None:
    """Return the token with this secret, None if it is unknown, revoked or expired.

    The lookup is by SHA-256, so that its duration reveals nothing about existing secrets.
    """
    rows = await fetch(_FIND, [_digest(secret)])
    if not rows:
        return None
    values = dict(rows[0])
    valid_for_s = values.pop("valid_for_s")
    return FoundToken(instance(ApiToken, values), valid_for_s)


async def database_time() -> datetime:
    """Return the time by the clock that decides whether a token has expired."""
    [[now]] = await fetch("SELECT clock_timestamp()", [])
    return cast("datetime", now)


async def list_tokens() -> list[ApiToken]:
    """Return all tokens, including revoked ones, oldest first."""
    return [instance(ApiToken, dict(row)) for row in await fetch(_LIST, [])]


async def revoke_token(name: str) -> None:
    """Revoke a token permanently; raises TokenError if no active token has this name."""
    # A command-line argument may contain bytes that are not Unicode text.
    is_text = not any("\ud800" <= char <= "\udfff" for char in name)
    if not is_text or not await write(_REVOKE, [name]):
        raise TokenError(f"No active token is named {name}. See `ticketops token list`.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
