"""Idempotency keys: a repeated call with the same key and input returns the first result.

Keys are separate for each caller, by its identity. `delete_expired_keys` deletes them after
IDEMPOTENCY_KEY_TTL_HOURS.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import orjson
from tortoise import BaseDBAsyncClient

from engine.database.queries import write
from engine.database.turns import take_turn
from models.idempotency_key import KEY_MAX_LENGTH
from resolvers.context import Caller
from resolvers.errors import Conflict, ErrorCode, InvalidInput
from resolvers.text_validation import checked_text

_PATH = "idempotency_key"
# Of the ids that are derived from keys. Never change it.
_NAMESPACE = UUID("dcb6a6be-0a09-4a0e-9b3f-1f0c7a5b2e61")

# A concurrent call with the same key waits here until the first transaction has ended.
_CLAIM = """
INSERT INTO idempotency_keys (caller, key, fingerprint, result_id, caller_identity)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING result_id
"""
# The row is locked so that the transaction writes, and its commit waits for a synchronous standby:
# a restart of PostgreSQL makes commits visible that were not replicated.
_FIND = """
SELECT fingerprint, result_id
FROM idempotency_keys
WHERE caller_identity = $1 AND key = $2
FOR NO KEY UPDATE
"""
# A row of an older version lacks the identity. It belongs to the API token of the name if there is
# one, and otherwise to other callers of the name.
_FIND_WITHOUT_IDENTITY = """
SELECT fingerprint, result_id
FROM idempotency_keys
WHERE caller = $1
  AND key = $2
  AND caller_identity IS NULL
  AND EXISTS (SELECT FROM api_tokens WHERE name = $1) = $3
FOR NO KEY UPDATE OF idempotency_keys
"""
# The oldest keys have the lowest ids, so that this reads as many rows as it may delete.
DELETE_EXPIRED_KEYS = """
DELETE FROM idempotency_keys
WHERE id IN (
    SELECT id
    FROM idempotency_keys
    WHERE id IN (SELECT id FROM idempotency_keys ORDER BY id LIMIT $2)
      AND created_at < clock_timestamp() - make_interval(hours => $1)
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A call with an idempotency key: its caller, key, and a hash of its input."""

    caller: str
    # Hexadecimal SHA-256 of the caller's identity.
    identity: str
    is_by_token: bool
    key: str
    fingerprint: str


def keyed_call(
    caller: Caller, key: str | None, operation: str, values: Mapping[str, Any]
) -> KeyedCall | None:
    """Return the call to record, or None without a key; raises InvalidInput for an invalid key."""
    if key is None:
        return None
    if not key:
        raise InvalidInput(ErrorCode.REQUIRED, f"{_PATH} must not be empty.", _PATH)
    if len(key) > KEY_MAX_LENGTH:
        message = f"{_PATH} must have at most {KEY_MAX_LENGTH} characters, not {len(key)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, _PATH)
    content = orjson.dumps([operation, values], option=orjson.OPT_SORT_KEYS)
    return KeyedCall(
        caller.name or "",
        _digest((caller.identity or "").encode()),
        caller.has_api_token,
        checked_text(key, _PATH),
        _digest(content),
    )


def derived_id(call: KeyedCall) -> str:
    """Return the id that a row of this call always gets: a UUIDv5 of the caller and the key.

    If a failover loses the row, the repetition of the call makes the same one.
    """
    return str(uuid5(_NAMESPACE, f"{call.identity}:{call.key}"))


def key_turn(call: KeyedCall) -> AbstractAsyncContextManager[None]:
    """Wait until no other request of this process uses the key, without a connection."""
    return take_turn(f"key:{call.caller}:{call.key}")


async def earlier_result(connection: BaseDBAsyncClient, call: KeyedCall) -> str | None:
    """Return the id of the row that the first call with this key wrote, or None for a new key.

    Raises Conflict if that call had another input.
    """
    rows = await connection.execute_query_dict(_FIND, [call.identity, call.key])
    rows = rows or await connection.execute_query_dict(
        _FIND_WITHOUT_IDENTITY, [call.caller, call.key, call.is_by_token]
    )
    if not rows:
        return None
    if rows[0]["fingerprint"] != call.fingerprint:
        raise key_reused()
    result_id: str = rows[0]["result_id"]
    return result_id


def key_reused() -> Conflict:
    """Return the error for a key that belongs to a call with another input."""
    message = "This idempotency key was used before with another input. Use a new key."
    return Conflict(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, _PATH)


async def claim_key(connection: BaseDBAsyncClient, call: KeyedCall, result_id: str) -> str | None:
    """Claim the key for this row, or return the id of the row that the first call wrote.

    Runs in the transaction that writes the row. Waits for a concurrent call with the same key.
    """
    # Older versions require that name and key are unique. A second caller of the name stores its
    # identity as its name.
    for caller in (call.caller, call.identity):
        values = [caller, call.key, call.fingerprint, result_id, call.identity]
        if await connection.execute_query_dict(_CLAIM, values):
            return None
        earlier = await earlier_result(connection, call)
        if earlier is not None:
            return earlier
    # The earlier call's key was deleted between the two statements.
    return None


async def delete_expired_keys(ttl_hours: int, *, limit: int = 1000) -> int:
    """Delete expired keys, at most ``limit``, and return their number.

    Several processes may call it at once: each skips the rows that another is deleting.
    """
    rows = await write(DELETE_EXPIRED_KEYS, [ttl_hours, limit])
    return len(rows)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
