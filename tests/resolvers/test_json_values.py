"""JSON values are stored exactly or rejected."""

import json
import math
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.database.queries import fetch
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.json_values import MAX_DEPTH, json_text

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def nested(depth: int, innermost: Any) -> Any:
    """Return a value nested in lists and objects, alternating."""
    value = innermost
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.usefixtures("database")
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=values)
async def test_a_value_is_stored_unchanged(value: Any) -> None:
    text = json_text(value, "metadata")
    [row] = await fetch("SELECT $1::jsonb AS value", [text])
    assert read(row["value"]) == read(text)
    assert orjson.loads(text) == value


def read(text: str) -> Any:
    """Parse JSON with exact numbers: PostgreSQL prints 1e3 as 1000."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@given(value=st.dictionaries(texts, scalars, max_size=6), seed=st.randoms())
def test_equal_objects_have_equal_texts(value: dict[str, Any], seed: Any) -> None:
    members = list(value.items())
    seed.shuffle(members)
    assert json_text(dict(members), "metadata") == json_text(value, "metadata")


@pytest.mark.parametrize("innermost", [1, "a", None, [], {}])
def test_the_maximum_depth_is_enforced(innermost: Any) -> None:
    own = 1 if innermost in ([], {}) else 0
    assert json_text(nested(MAX_DEPTH - own, innermost), "metadata")
    with pytest.raises(InvalidInput, match=f"{MAX_DEPTH} levels"):
        json_text(nested(MAX_DEPTH - own + 1, innermost), "metadata")


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, "a\0", "\ud800", {"\0": 1}, {"\udfff": 1}],
)
def test_an_unstorable_value_is_rejected_at_any_depth(value: Any) -> None:
    for whole in (value, [value], {"a": {"b": [1, value]}}):
        with pytest.raises(InvalidInput) as refusal:
            json_text(whole, "filter", "metadata", "contains")
        assert refusal.value.code is ErrorCode.INVALID
        assert refusal.value.path == ("filter", "metadata", "contains")
        assert refusal.value.message.startswith("contains ")


@pytest.mark.parametrize(
    "value",
    [
        [1] * 40_000,
        [[1]] * 20_000,
        ["é"] * 40_000,
        [{"a": None}] * 20_000,
        {str(n): 1.5 for n in range(40_000)},
    ],
    ids=["numbers", "lists", "texts", "objects", "members"],
)
def test_the_largest_value_of_a_request_is_accepted(value: Any) -> None:
    assert orjson.loads(json_text(value, "metadata")) == value


def test_the_largest_integers_are_stored_exactly() -> None:
    value = [2**63 - 1, -(2**63)]
    assert orjson.loads(json_text(value, "metadata")) == value
