"""Tests of cursors and windows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sql.cursors import InvalidPageArgument, decode_cursor, encode_cursor
from engine.sql.ordering import OrderTerm, RowOrder, TermKind
from engine.sql.paging import Window, page_window

ORDER = RowOrder(
    "things",
    (
        OrderTerm("at", TermKind.TIME),
        OrderTerm("size", TermKind.BIGINT),
        OrderTerm("name", TermKind.TEXT),
    ),
)
timestamps = st.datetimes(timezones=st.just(UTC))
integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)
keysets = st.tuples(timestamps, integers, texts)
AT = "2026-01-31T08:15:00+00:00"


@given(keyset=keysets)
def test_decoding_a_cursor_returns_its_keyset(
    keyset: tuple[datetime, int, str],
) -> None:
    cursor = encode_cursor(ORDER, keyset)
    at, size, name = decode_cursor(ORDER, cursor, argument="after")
    assert (datetime.fromisoformat(at), size, name) == keyset
    # It needs no escaping in a URL.
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(text=st.text(max_size=200) | keysets.map(lambda keyset: encode_cursor(ORDER, keyset)[1:]))
def test_any_other_text_is_rejected(text: str) -> None:
    with pytest.raises(InvalidPageArgument) as caught:
        decode_cursor(ORDER, text, argument="before")
    assert caught.value.argument == "before"
    assert str(caught.value).startswith("before is ")


@given(keyset=keysets)
def test_a_cursor_of_another_list_is_rejected(keyset: tuple[datetime, int, str]) -> None:
    other = RowOrder("others", ORDER.terms)
    with pytest.raises(InvalidPageArgument, match="another list"):
        decode_cursor(other, encode_cursor(ORDER, keyset), argument="after")


@pytest.mark.parametrize(
    "keyset",
    [
        [AT, 0],
        [AT, 0, "a", 0],
        [AT, "0", "a"],
        [AT, True, "a"],
        [AT, 2**63, "a"],
        [AT, 0.5, "a"],
        [AT, 0, 0],
        [AT, 0, None],
        [AT, 0, "a\0"],
        [AT, 0, ["a"]],
        [0, 0, "a"],
        [None, 0, "a"],
        ["now", 0, "a"],
        ["2026-01-31", 0, "a"],
        ["2026-01-31T08:15:00", 0, "a"],
        ["2026-01-31T08:15:00.1234567+00:00", 0, "a"],
        ["2026-02-31T08:15:00+00:00", 0, "a"],
        ["0000-01-31T08:15:00+00:00", 0, "a"],
        ["2026-01-31T08:15:00+16:00", 0, "a"],
        ["\uff12026-01-31T08:15:00+00:00", 0, "a"],
    ],
)
def test_invalid_values_in_a_cursor_are_rejected(keyset: list[object]) -> None:
    raw = RowOrder("things", (OrderTerm("", TermKind.TEXT),) * len(keyset))
    with pytest.raises(InvalidPageArgument, match="not a cursor"):
        decode_cursor(ORDER, encode_cursor(raw, keyset), argument="after")


@pytest.mark.parametrize("kind", [TermKind.INTEGER, TermKind.BIGINT])
def test_an_integer_in_a_cursor_is_in_the_range_of_its_type(kind: TermKind) -> None:
    order = RowOrder("things", (OrderTerm("size", kind),))
    limit = 2**31 if kind is TermKind.INTEGER else 2**63
    for value in (-limit, limit - 1):
        cursor = encode_cursor(order, [value])
        assert decode_cursor(order, cursor, argument="after") == (value,)
    # orjson writes no integer below the range of bigint.
    for value in (-limit - 1, limit) if kind is TermKind.INTEGER else (limit,):
        with pytest.raises(InvalidPageArgument, match="not a cursor"):
            decode_cursor(order, encode_cursor(order, [value]), argument="after")


def test_a_window_is_fifty_rows_from_the_start_by_default() -> None:
    assert page_window(ORDER) == Window(size=50, backward=False, after=None, before=None)


def test_only_before_makes_a_backward_window() -> None:
    cursor = encode_cursor(ORDER, (datetime(2026, 1, 1, tzinfo=UTC), 1, "a"))
    assert page_window(ORDER, before=cursor).backward
    assert not page_window(ORDER, after=cursor, before=cursor).backward
    assert not page_window(ORDER, before=cursor, first=1).backward
