"""Idempotency keys: a repeated call with the same key and input returns the first result.

Keys are separate for each caller.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise import BaseDBAsyncClient

from models.idempotency_key import KEY_MAX_LENGTH
from resolvers.context import Caller
from resolvers.errors import Conflict, ErrorCode, InvalidInput
from resolvers.text_validation import checked_text

_PATH = "idempotency_key"

# A concurrent call with the same key waits here until the first transaction has ended.
_CLAIM = """
INSERT INTO idempotency_keys (caller, key, fingerprint, result_id)
VALUES ($1, $2, $3, $4)
ON CONFLICT (caller, key) DO NOTHING
RETURNING result_id
"""
_FIND = """
SELECT fingerprint, result_id
FROM idempotency_keys
WHERE caller = $1 AND key = $2
"""


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A call with an idempotency key: its caller, key, and a hash of its input."""

    caller: str
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
        caller.name or "", checked_text(key, _PATH), hashlib.sha256(content).hexdigest()
    )


async def earlier_result(connection: BaseDBAsyncClient, call: KeyedCall) -> str | None:
    """Return the id of the row that the first call with this key wrote, or None for a new key.

    Raises Conflict if that call had another input.
    """
    rows = await connection.execute_query_dict(_FIND, [call.caller, call.key])
    if not rows:
        return None
    if rows[0]["fingerprint"] != call.fingerprint:
        message = "This idempotency key was used before with another input. Use a new key."
        raise Conflict(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, _PATH)
    result_id: str = rows[0]["result_id"]
    return result_id


async def claim_key(connection: BaseDBAsyncClient, call: KeyedCall, result_id: str) -> str | None:
    """Claim the key for this row, or return the id of the row that the first call wrote.

    Runs in the transaction that writes the row. Waits for a concurrent call with the same key.
    """
    values = [call.caller, call.key, call.fingerprint, result_id]
    if await connection.execute_query_dict(_CLAIM, values):
        return None
    return await earlier_result(connection, call)
