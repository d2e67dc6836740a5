"""JSON is parsed exactly, or rejected with a reason."""

import json
import math
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.json_body import MAX_DEPTH, InvalidJson, TooManyValues, parse_json

BIG = 2**64


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, 2**63 - 1, 2**63, BIG - 1, BIG, -(2**63), -(2**63) - 1, 10**300, -(10**300)],
)
def test_integers_of_any_size_are_exact(number: int) -> None:
    assert parse_json(b'{"n": [%d]}' % number) == {"n": [number]}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_every_json_value_is_unchanged(value: object) -> None:
    """Written by the standard library, with every non-ASCII character escaped or not."""
    assert parse_json(json.dumps(value).encode()) == value
    try:
        plain = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse_json(plain) == value


def test_a_long_run_of_digits_in_a_string_is_unchanged() -> None:
    assert parse_json(b'{"s": "%s", "f": 0.5}' % (b"7" * 40)) == {"s": "7" * 40, "f": 0.5}


def test_numbers_with_a_fraction_or_exponent_are_floats() -> None:
    assert parse_json(b"[3.14159265358979323846, 1e3]") == [math.pi, 1000.0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a": 1} {}', "not valid JSON"),
        (b"NaN", "not valid JSON"),
        (b"[Infinity]", "not valid JSON"),
        (b"[-Infinity]", "not valid JSON"),
        (b"[01]", "not valid JSON"),
        (b'"\x00"', "not valid JSON"),
        (b'"\\ud800"', r"lone surrogate \(line 1, column 2\)"),
        (b'["\\ud800", 12345678901234567890123]', r"lone surrogate \(line 1, column 3\)"),
        (b'[1e400, "\\ud800"]', r"lone surrogate \(line 1, column 10\)"),
        (b"[1e400,\n nope]", r"The body is not valid JSON \(line 2, column 2\)."),
        (b"[1e400", "not valid JSON"),
        (b"[1e400, NaN]", r"not valid JSON \(line 1, column 9\)"),
        (b'[%se99, "\\ud800"]' % (b"9" * 299), "lone surrogate"),
        # Rejected at its first error, however many such numbers follow.
        (b"1e400 " * 170_000, r"not valid JSON \(line 1, column 7\)"),
        (b"[01e400]", "not valid JSON"),
        (b"[1e400" + b"[" * 10_000, "nested|not valid JSON"),
        (b"[" * 900 + b"1e400" + b"]" * 900, "nested"),
        (b'"\xff"', "not valid UTF-8"),
        (b'"\xed\xa0\x80"', "not valid UTF-8"),
        ("{}".encode("utf-16"), "not valid"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 10_000 + b"]" * 10_000, "nested"),
        (b"[" * 10_000, "nested"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested"),
        (b"[" * (MAX_DEPTH + 1) + b"1" * 30 + b"]" * (MAX_DEPTH + 1), "nested"),
    ],
)
def test_unacceptable_json_is_rejected_with_a_reason(text: bytes, reason: str) -> None:
    with pytest.raises(InvalidJson, match=reason):
        parse_json(text)


def test_the_maximum_depth_is_accepted() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    parse_json(b"[" * MAX_DEPTH + b"1" * 30 + b"]" * MAX_DEPTH)


def test_many_brackets_on_one_level_are_accepted() -> None:
    assert parse_json(b"[" + b"[],{}," * 1_000 + b'"[[["]')[-1] == "[[["


def count_of(value: object) -> int:
    """Return the number of values in a JSON value, itself included."""
    children = value.values() if isinstance(value, dict) else value
    return 1 + (sum(map(count_of, children)) if isinstance(value, (dict, list)) else 0)  # type: ignore[call-overload]  # a container


texts = st.text(st.sampled_from('[]{},:"\\ ab\n'))


@given(
    st.recursive(
        st.none() | st.integers() | texts,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    ),
    st.sampled_from([None, 1]),
)
def test_the_values_of_a_text_are_counted_exactly(value: object, indent: int | None) -> None:
    text = json.dumps([value, 0], indent=indent).encode()
    count = count_of([value, 0])
    assert parse_json(text, max_values=count) == [value, 0]
    # A text of at most two bytes a value is not counted.
    with suppress(TooManyValues):
        parse_json(text, max_values=count - 1)
        assert len(text) <= 2 * (count - 1)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * 99 + b"1]",
        b"[" + b"[]," * 50 + b"1]" + b" " * 200,
        b"{" + b'"a": 1, ' * 99 + b'"a": 1}',
        b"[" * 101 + b"]" * 101,
        b"[" * 250,
        b"," * 250,
    ],
)
def test_a_text_with_too_many_values_is_rejected(text: bytes) -> None:
    with pytest.raises(TooManyValues, match=r"at most 50 are allowed \(MAX_JSON_VALUES\)"):
        parse_json(text, max_values=50)


@pytest.mark.parametrize(
    "unit", [b"1,", b"[],", b'"', b'"a",', b'\\"', b'"\\"', b"\\", b'"",', b'",']
)
def test_counting_takes_linear_time(unit: bytes) -> None:
    text = b"[" + unit * (1_000_000 // len(unit))
    started = time.process_time()
    with suppress(InvalidJson):
        parse_json(text, max_values=1_000)
    assert time.process_time() - started < 0.25


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_parsed_or_rejected(text: bytes) -> None:
    with suppress(InvalidJson):
        parse_json(text)
