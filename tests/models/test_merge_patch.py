"""jsonb_merge_patch is JSON Merge Patch (RFC 7396)."""

from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Appendix A.
EXAMPLES = [
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
    # No stored value.
    (None, '{"a":{"b":1,"c":null}}', '{"a":{"b":1}}'),
    (None, "[null]", "[null]"),
]

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply the algorithm of section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


async def merged(connection: asyncpg.Connection, target: str | None, patch: str) -> Any:
    text = await connection.fetchval("SELECT jsonb_merge_patch($1, $2)", target, patch)
    return orjson.loads(text)


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
async def test_the_examples_of_the_rfc(
    connection: asyncpg.Connection, target: str | None, patch: str, result: str
) -> None:
    assert await merged(connection, target, patch) == orjson.loads(result)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(target=JSON, patch=JSON)
async def test_the_result_is_that_of_the_algorithm_of_the_rfc(
    connection: asyncpg.Connection, target: Any, patch: Any
) -> None:
    assert await merged(
        connection, orjson.dumps(target).decode(), orjson.dumps(patch).decode()
    ) == merge_patch(target, patch)


async def test_large_and_deep_values_are_fast(connection: asyncpg.Connection) -> None:
    """4,000 members, and a depth of 400: more than a request can have."""
    await connection.execute("SET LOCAL statement_timeout = '2s'")
    target = {str(number): number for number in range(4_000)}
    patch = {str(number): None if number % 2 else {"n": number} for number in range(4_000)}
    assert await merged(
        connection, orjson.dumps(target).decode(), orjson.dumps(patch).decode()
    ) == merge_patch(target, patch)
    deep = '{"a":' * 400 + "1" + "}" * 400
    assert await connection.fetchval("SELECT jsonb_merge_patch(NULL, $1) = $1", deep)
