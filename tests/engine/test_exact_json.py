"""Tests of JSON with exact numbers: each is written as it was sent."""

import json
import re
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.exact_json import (
    ExactFloat,
    ExactInteger,
    dumps,
    float_of,
    integer_of,
    is_exact,
    loads,
    plain_digits,
)

digits = st.text("0123456789", min_size=1, max_size=30)
numbers = st.from_regex(
    re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?", re.ASCII),
    fullmatch=True,
)


def read(text: bytes | str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@given(numbers)
@example("1e20")
@example("1E400")
@example("-1e-400")
@example("1.50")
@example("0.10")
@example("100000000000000000000")
@example("-9223372036854775809")
@example("18446744073709551616")
@example("12345678.123456789")
@example("9.007199254740993")
@example("5e-324")
@example("0e5")
def test_a_number_keeps_its_digits(number: str) -> None:
    for text in (number, f"[{number}]", f'{{"a": {number} }}', f" {number}\n", f'["e1",{number}]'):
        written = dumps(loads(text.encode()))
        # -0 is the only number that does not keep its sign, as in PostgreSQL.
        assert read(written) == read(text)
        assert [value.as_tuple().exponent for value in decimals(read(written))] == [
            value.as_tuple().exponent for value in decimals(read(text))
        ]


def decimals(value: Any) -> list[Decimal]:
    if isinstance(value, Decimal):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    return [item for item in items if isinstance(item, Decimal)]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_every_other_value_is_unchanged(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"id":"3e8f1e5c-9c1d-4e5f-8a7b-1e2d3c4b5a69","n":1}',
        b'{"at":"2026-01-31T08:15:00.978439Z","price":9.99}',
        b'["1.0.0", 1.0, 10.0, 0.5, 123456789012345]',
    ],
)
def test_ordinary_texts_are_parsed_once(text: bytes) -> None:
    assert is_exact(text)
    assert loads(text) == orjson.loads(text)


def test_a_number_in_a_string_costs_only_time() -> None:
    text = b'["1.50", ", 1e400", "\\"12345678901234567890.10"]'
    assert not is_exact(text)
    assert loads(text) == orjson.loads(text)


def test_exact_numbers_are_numbers() -> None:
    whole, part = loads(b"[100000000000000000000, 1.50]")
    assert (whole, part) == (10**20, 1.5)
    assert (repr(whole), str(part), f"{whole}", f"{whole:d}") == (
        "100000000000000000000",
        "1.50",
        "100000000000000000000",
        "100000000000000000000",
    )


def test_an_integer_longer_than_python_converts_is_exact() -> None:
    text = "-" + "9" * 5_000
    number = integer_of(text)
    assert isinstance(number, ExactInteger)
    assert number < -(10**999)
    assert (repr(number), dumps([number])) == (text, f"[{text}]".encode())


@pytest.mark.parametrize(
    ("text", "whole", "fraction"),
    [
        ("1.50", 1, 2),
        ("1e20", 21, 0),
        ("-1.5e3", 4, 0),
        ("1.234e2", 3, 1),
        ("1e-7", 1, 7),
        ("12.5E-1", 1, 2),
        ("1e" + "9" * 5_000, float("inf"), 0),
        ("1e-" + "9" * 5_000, 1, float("inf")),
    ],
)
def test_the_digits_without_an_exponent_are_counted(
    text: str, whole: float, fraction: float
) -> None:
    number = float_of(text)
    assert isinstance(number, ExactFloat)
    assert plain_digits(number) == (whole, fraction)


def test_a_value_without_a_json_text_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        dumps([object()])
