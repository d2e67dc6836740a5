"""Idempotency keys: the same key with the same input has its effect once, for each caller."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from models.idempotency_key import KEY_MAX_LENGTH
from resolvers.context import Caller
from resolvers.errors import Conflict, ErrorCode, InvalidInput
from resolvers.text_validation import checked_text

_PATH = "idempotency_key"

# A concurrent call with the same key waits here until the first has ended.
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
    """A call with a key: who makes it, and what it asks for."""

    caller: str
    key: str
    fingerprint: str


def keyed_call(
    caller: Caller, key: str | None, operation: str, values: Mapping[str, Any]
) -> KeyedCall | None:
    """Return a call with a key that can be kept, None for one without; raises InvalidInput."""
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
    """Return the id of what the first call with this key made, None where this is the first.

    Raises Conflict where that call asked for something else.
    """
    rows = await connection.execute_query_dict(_FIND, [call.caller, call.key])
    if not rows:
        return None
    if rows[0]["fingerprint"] != call.fingerprint:
        message = "This idempotency key was already used with another input."
        raise Conflict(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, _PATH)
    result_id: str = rows[0]["result_id"]
    return result_id


async def claim_key(connection: BaseDBAsyncClient, call: KeyedCall, result_id: str) -> str | None:
    """Take the key in the transaction that makes this row; else return what the first call made.

    Where a concurrent call has the key, this waits until that has ended.
    """
    values = [call.caller, call.key, call.fingerprint, result_id]
    if await connection.execute_query_dict(_CLAIM, values):
        return None
    return await earlier_result(connection, call)
