"""API tokens: made, found, listed and revoked. The secret is shown once and kept by no one."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

import orjson

from engine.database.queries import default_client, fetch
from engine.sql.tables import instance
from models import ApiToken
from models.api_token import NAME_MAX_LENGTH
from models.columns import new_id
from schema.access import SCOPES

__all__ = ["PREFIX", "TokenError", "create_token", "find_token", "list_tokens", "revoke_token"]

# Tells a token of ours from a JWT, and helps those who search for leaked secrets.
PREFIX = "ticketops_"
_SECRET_BYTES = 32

_CREATE = """
INSERT INTO api_tokens (id, name, digest, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO NOTHING
RETURNING *
"""
# Noted once a minute at most, so that a read is seldom a write.
_FIND = """
WITH found AS (
    SELECT *
    FROM api_tokens
    WHERE digest = $1
      AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > clock_timestamp())
), noted AS (
    UPDATE api_tokens
    SET last_used_at = clock_timestamp()
    FROM found
    WHERE api_tokens.id = found.id
      AND (found.last_used_at IS NULL
           OR found.last_used_at < clock_timestamp() - interval '1 minute')
)
SELECT * FROM found
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
    """A token cannot be made or revoked; the text says why."""


async def create_token(name: str, scopes: Iterable[str], *, expires_at: datetime | None) -> str:
    """Make a token and return its secret, which nobody can tell again; raises TokenTrouble."""
    # Names stand in lists and logs, a line each.
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= NAME_MAX_LENGTH:
        raise TokenError(
            f"A token's name has 1 to {NAME_MAX_LENGTH} characters that can be printed, and no "
            "blank at either end."
        )
    wanted = sorted(set(scopes))
    if unknown := sorted(set(wanted) - SCOPES):
        raise TokenError(
            f"There is no scope {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}."
        )
    if not wanted:
        raise TokenError(f"A token needs a scope: {', '.join(sorted(SCOPES))}.")
    secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    values = [new_id(), name, _digest(secret), orjson.dumps(wanted).decode(), expires_at]
    if not await default_client().execute_query_dict(_CREATE, values):
        raise TokenError(f"There is a token named {name} already.")
    return secret


async def find_token(secret: str) -> ApiToken | None:
    """Return the token with this secret, as long as it is neither revoked nor expired.

    It is looked up by its SHA-256, so that how long it takes tells nothing of the
    secrets that there are.
    """
    rows = await fetch(_FIND, [_digest(secret)])
    return instance(ApiToken, dict(rows[0])) if rows else None


async def list_tokens() -> list[ApiToken]:
    """Return all tokens, oldest first, the revoked ones with them."""
    return [instance(ApiToken, dict(row)) for row in await fetch(_LIST, [])]


async def revoke_token(name: str) -> None:
    """End a token for good; raises TokenTrouble where there is none that is in use."""
    # What a command line is given may be no Unicode, and so no name.
    is_text = not any("\ud800" <= sign <= "\udfff" for sign in name)
    if not is_text or not await default_client().execute_query_dict(_REVOKE, [name]):
        raise TokenError(f"There is no token named {name} that is in use.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
