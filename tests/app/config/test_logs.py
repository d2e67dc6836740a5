"""The log: one line per event, as JSON or in a readable form."""

import asyncio
import io
import json
import logging
import os
import pty
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from app.config.logs import configure_logs, lines

pytestmark = pytest.mark.usefixtures("restored_logging")


def logged(level: str = "info", log_format: str = "json") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level=level, log_format=log_format, stream=stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json() -> None:
    stream = logged()
    logging.getLogger("ours").warning("%d\nlines", 2, extra={"fields": {"request_id": "r-1"}})
    [event] = events(stream)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "warning",
        "message": "2\nlines",
        "logger": "ours",
        "request_id": "r-1",
    }


def test_an_exception_is_logged_with_its_traceback() -> None:
    stream = logged()
    try:
        int("inner")
    except ValueError:
        logging.getLogger("ours").exception("it broke")
    [event] = events(stream)
    assert event["exception"].startswith("Traceback")
    assert event["exception"].endswith("with base 10: 'inner'")


def test_values_that_are_not_json_are_written_as_text() -> None:
    stream = logged()
    logging.getLogger("ours").info("odd", extra={"fields": {"what": {1, 2}, "text": "\ud800"}})
    logging.getLogger("ours").info("%d", "no number")
    assert [event["message"] for event in events(stream)] == ["odd", "%d"]


def test_a_warning_of_python_is_an_event() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        stream = logged()
        warnings.warn("coroutine 'x' was never awaited", RuntimeWarning, stacklevel=1)
    [event] = events(stream)
    assert event.pop("place").startswith("test_logs.py:")
    del event["time"]
    assert event == {
        "level": "warning",
        "message": "warning of Python",
        "logger": "ticketops",
        "category": "RuntimeWarning",
        "warning": "coroutine 'x' was never awaited",
    }


def test_a_pretty_line() -> None:
    stream = logged(log_format="pretty")
    logging.getLogger("ours").info("a\nb", extra={"fields": {"id": "x\x1b[2J", "none": None}})
    line = stream.getvalue()
    assert line.endswith("INFO     'a\\nb' logger=ours id='x\\x1b[2J'\n")


def test_auto_is_pretty_on_a_terminal_only() -> None:
    controller, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        configure_logs(level="info", log_format="auto", stream=stream)
        logging.getLogger("ours").error("seen")
        shown = os.read(controller, 1000).decode()
    os.close(controller)
    assert "\x1b[31mERROR" in shown
    stream_of_file = logged(log_format="auto")
    logging.getLogger("ours").error("seen")
    assert events(stream_of_file)


def test_events_below_the_level_are_not_written() -> None:
    stream = logged(level="warning")
    logging.getLogger("ours").info("not this")
    lines.write(logging.INFO, "not this either", {})
    logging.getLogger("ours").warning("but this")
    assert [event["message"] for event in events(stream)] == ["but this"]


@pytest.fixture
def verbose_uvicorn() -> Iterator[None]:
    """Let uvicorn log all levels, which its configuration would prevent."""
    logger = logging.getLogger("uvicorn.error")
    level = logger.level
    logger.setLevel(logging.NOTSET)
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("verbose_uvicorn")
def test_events_of_uvicorn_are_written_except_its_access_log() -> None:
    stream = logged()
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.access").info("GET /secret?token=1")
    path = "/graphql?token=s3cret"
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "client", path)
    assert [event["message"] for event in events(stream)] == ["started"]


@pytest.mark.parametrize("library", ["tortoise.db_client", "asyncio", "httpx2", "httpcore2.http11"])
def test_the_traffic_of_libraries_is_not_logged(library: str) -> None:
    stream = logged(level="debug")
    logging.getLogger(library).debug("SELECT 'a customer'")
    logging.getLogger(library).info("POST https://ops.example")
    logging.getLogger(library).warning("this is worth knowing")
    assert [event["message"] for event in events(stream)] == ["this is worth knowing"]


def test_a_closed_stream_is_not_an_error() -> None:
    stream = logged()
    stream.close()
    logging.getLogger("ours").error("lost")


async def test_lines_of_one_event_loop_iteration_are_written_together() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb", buffering=0) as read, os.fdopen(writing, "w") as stream:
        configure_logs(level="info", log_format="json", stream=stream)
        lines.write_soon(logging.INFO, "one", {})
        lines.write_soon(logging.INFO, "two", {})
        assert read.read() is None
        await asyncio.sleep(0)
        assert [json.loads(line)["message"] for line in read.read().splitlines()] == ["one", "two"]


async def test_an_event_is_written_at_once_after_earlier_lines() -> None:
    stream = logged()
    lines.write_soon(logging.INFO, "a request", {})
    logging.getLogger("ours").error("a fault")
    assert [event["message"] for event in events(stream)] == ["a request", "a fault"]
