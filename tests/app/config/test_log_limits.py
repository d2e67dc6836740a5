"""A client's text in a log line has at most 1 kB, however the log escapes it."""

import json
import logging

import pytest

from app.config.log_limits import MAX_TEXT_BYTES, exception_text, limited_text
from tests.app.config.test_logs import events, logged

pytestmark = pytest.mark.usefixtures("restored_logging")

HOSTILE = ["x", "é", "日", "\U0001f600", "\0", '"', "\\", "\x1b", "\ud800", "\n", "ab\0\U0001f600"]
# Of a line: time, level, logger and the names of the fields.
CONSTANT_BYTES = 400


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
@pytest.mark.parametrize("length", [10, 300, 5_000, 1_000_000])
def test_a_text_is_cut(part: str, length: int) -> None:
    text = part * length
    short = limited_text(text)
    assert len(json.dumps(short)) <= MAX_TEXT_BYTES + len("\\u2026")
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    if len(json.dumps(text)) <= MAX_TEXT_BYTES:
        assert short == text
    else:
        assert len(json.dumps(short)) > MAX_TEXT_BYTES - 30


@pytest.mark.parametrize("log_format", ["json", "pretty"])
@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_a_line_is_short(log_format: str, part: str) -> None:
    text = part * 20_000
    for value in (text, [text], {text: text}, (1, text), text.encode("utf-8", "ignore"), 10**9999):
        stream = logged(log_format=log_format)
        logging.getLogger("ours").info("event", extra={"fields": {"value": value}})
        logging.getLogger("ours").info("said: %s", text)
        for line in stream.getvalue().splitlines():
            # The values of collections are escaped twice.
            assert len(line.encode()) < CONSTANT_BYTES + 2 * MAX_TEXT_BYTES


def test_short_values_keep_their_types() -> None:
    stream = logged()
    fields = {
        "number": 7,
        "ratio": 0.5,
        "yes": True,
        "none": None,
        "list": [1, "a"],
        "of": {"a": 1},
    }
    logging.getLogger("ours").info("event", extra={"fields": fields})
    [event] = events(stream)
    assert {name: event[name] for name in fields} == fields


def test_the_messages_of_a_chain_of_exceptions_are_cut_and_its_frames_remain() -> None:
    def fail(depth: int) -> None:
        try:
            if depth:
                fail(depth - 1)
        finally:
            raise ValueError("x" * 100_000)

    with pytest.raises(ValueError, match="x") as caught:
        fail(20)
    text = exception_text((ValueError, caught.value, caught.value.__traceback__))
    assert text.count("x") < 2 * MAX_TEXT_BYTES
    assert text.count('File "') > 20
    assert text.startswith("Traceback")


def test_the_messages_of_a_group_of_exceptions_are_cut() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        raise ExceptionGroup("y" * 10_000, [ValueError("x" * 10_000) for _ in range(5)])
    text = exception_text((ExceptionGroup, caught.value, caught.value.__traceback__))
    assert text.count("x") + text.count("y") < 2 * MAX_TEXT_BYTES
    assert 'File "' in text
