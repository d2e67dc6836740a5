"""Tests of the size of a response: an upper bound first, then exact, and never below the truth."""

import random
from typing import Any

import orjson
import pytest

from engine.projection.response_size import ResponseSize, ResponseTooLarge, RowWeights
from engine.sql.tables import Column

LONG = Column("description", plain_type=str, max_length=65_536)
SHORT = Column("subject", plain_type=str, max_length=100)
JSON = Column("metadata", is_json=True)
TEXTS = ("", "a", '"\\' * 99, *(char * 3000 for char in "aä€\U0001f600\x01"))


def _add_twice(
    size: ResponseSize, records: list[Any], weights: RowWeights, repeats: list[int] | None
) -> None:
    for _ in range(2):
        size.add_rows(records, weights, repeats, ("tickets", "nodes"))


def _weights(times: int = 1) -> RowWeights:
    weights = RowWeights()
    for number in range(times):
        weights.add_column(f"a{number}", "description", LONG, 0)
    weights.add_column("subject", "subject", SHORT, 1)
    weights.add_column("metadata", "metadata", JSON, 2)
    return weights


def _response(record: Any, times: int) -> int:
    metadata = orjson.Fragment(record[2] or "null")
    texts = {f"a{number}": record[0] for number in range(times)}
    return len(orjson.dumps(texts | {"subject": record[1], "metadata": metadata}))


@pytest.mark.parametrize("times", [1, 2, 30])
def test_a_response_within_the_limit_is_never_refused_and_one_of_twice_the_limit_always(
    times: int,
) -> None:
    chance = random.Random(times)  # noqa: S311  # repeatable
    for _ in range(200):
        records = [
            (chance.choice(TEXTS), chance.choice(("", "\x01" * 100)), chance.choice((None, "[1]")))
            for _ in range(chance.randrange(30))
        ]
        repeats = chance.choice((None, [chance.randrange(1, 4) for _ in records]))
        size = sum(
            _response(record, times) * occurrences
            for record, occurrences in zip(records, repeats or [1] * len(records), strict=True)
        )
        # Numbers and punctuation are estimated.
        roughly = len(records) * 3 * times * 50
        ResponseSize(size + roughly).add_rows(records, _weights(times), repeats, ())
        if size > 4 * roughly + 1000:
            counted = ResponseSize(size // 2 - 500)
            with pytest.raises(ResponseTooLarge) as refusal:
                _add_twice(counted, records, _weights(times), repeats)
            assert refusal.value.path[:2] == ("tickets", "nodes")


def test_the_size_is_that_of_all_statements_together() -> None:
    size = ResponseSize(120_000)
    record = ("a" * 20_000, "", None)
    for _ in range(5):
        size.add_rows([record], _weights(), None, ("one",))
    with pytest.raises(ResponseTooLarge) as refusal:
        _add_twice(size, [record] * 3, _weights(), None)
    assert refusal.value.path == ("one", "description")
    with pytest.raises(ResponseTooLarge):
        size.check()
    size.reset()
    size.check()


def test_long_response_keys_count() -> None:
    weights = RowWeights()
    weights.add_column("k" * 10_000, "subject", SHORT, 0)
    with pytest.raises(ResponseTooLarge):
        ResponseSize(100_000).add_rows([("",)] * 100, weights, None, ())


def test_what_is_built_already_is_counted_as_it_is_encoded() -> None:
    data = {"rows": [{"text": text, "json": orjson.Fragment('{"a":1}')} for text in TEXTS]}
    size = len(orjson.dumps(data))
    ResponseSize(size + 100).check_built(data)
    with pytest.raises(ResponseTooLarge):
        ResponseSize(size - 500).check_built(data)
