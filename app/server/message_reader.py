"""Reading of WebSocket messages, in parts and within limits.

uvicorn parses everything that it receives at once. docs/how-to/limits.md lists the limits.
"""

from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from app.http.connection_slot import ConnectionSlot
from app.http.received_input import UNCOUNTED_BYTES, HeldInput, ReceivedInput
from app.server.early_response import INVALID
from app.server.input_scheduler import MAX_WAITING_BYTES, InputScheduler
from app.server.open_connections import OpenConnections
from app.server.timeouts import ConnectionTimeouts

__all__ = ["MessageReader", "WebSocketLimits"]

# Input that is parsed at once: at most 3 ms, for frames without content.
PART_BYTES = 1024
# The time for a byte of a frame without content, compared with a byte of HTTP.
UNITS_PER_BYTE = 32
# Before the client is authenticated, in all.
MAX_UNKNOWN_FRAMES = 100
MAX_UNKNOWN_BYTES = 65_536
# Read after a connection has failed, so that a client that sends first receives the close frame.
MAX_DISCARDED_BYTES = 2**20

# At most 123 bytes, as in any close frame.
_OVERLOADED = "The server is receiving too many large messages. Send fewer at a time."
_TOO_MUCH_INPUT = f"More than {MAX_WAITING_BYTES:,} bytes of received input wait (fixed limit)."


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """Limits of what the server accepts on one WebSocket in a second."""

    max_frames: int
    max_bytes: int


class MessageReader(WebSocketsSansIOProtocol):
    """Protocol that reads the messages of a WebSocket; `WebSocketConnection` extends it."""

    def __init__(
        self,
        *args: Any,
        limits: WebSocketLimits,
        timeouts: ConnectionTimeouts,
        connections: OpenConnections,
        scheduler: InputScheduler,
        received: ReceivedInput,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._timeouts = timeouts
        self._open_connections = connections
        self._scheduler = scheduler
        self._slot: ConnectionSlot = self.app_state["slot"]
        # The messages that the client has not ended, or the application has not handled.
        self._held = HeldInput(received)
        self._unfinished_bytes = self._finished_bytes = 0
        # When the unfinished message or the closing handshake must have ended.
        self.ends_at = 0.0
        self._has_message_timeout = False
        self._has_begun_close = False
        # Received bytes that wait for `parse_part`, from the offset on.
        self._unparsed = b""
        self._offset = 0
        # Whether the server has failed the connection, and ignores everything that it receives.
        self._has_failed = False
        # Received in the second that ends at `_second_ends_at`, and in all before authentication.
        self._second_ends_at = 0.0
        self._frames = self._bytes = 0
        self._unknown_frames = self._unknown_bytes = 0

    @property
    def group(self) -> str:
        """The caller, or the address of an unknown one, for the rotation of InputScheduler."""
        return self._slot.caller or f"unknown {self._slot.address}"

    @property
    def is_idle(self) -> bool:
        """Whether the connection may be closed for another one, if its caller is unknown."""
        return True

    def abort(self) -> None:
        """Close the connection at once."""
        self._has_failed = True
        self.transport.abort()

    def refuse_input(self) -> None:
        """Close the connection with the reason, because too much input waits."""
        if self._has_begun_close or self._has_failed:
            self.abort()
            return
        self._unparsed, self._offset = b"", 0
        self._fail(CloseCode.TRY_AGAIN_LATER, _TOO_MUCH_INPUT, is_logged=False)
        if not self.transport.is_closing():
            # To discard the rest, so that the client receives the close frame.
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; the first call has the complete handshake.

        Few bytes are parsed at once. The others wait until the application has handled the messages
        before them, and the client has read the pongs.
        """
        if not self.handshake_initiated:
            self._receive_handshake(data)
            return
        size = len(data)
        if self._has_failed:
            # The client can still read the close frame, but need not send for ever.
            self._bytes += size
            if self._bytes > MAX_DISCARDED_BYTES:
                self.transport.pause_reading()
            return
        if (
            not self._unparsed
            and size <= PART_BYTES
            and self._may_parse
            and self._scheduler.admits(size * UNITS_PER_BYTE)
        ):
            self._parse(data)
            return
        self._unparsed = self._unparsed[self._offset :] + data
        self._offset = 0
        self.transport.pause_reading()
        if self._may_parse:
            self._scheduler.wait(self, len(self._unparsed))

    def _receive_handshake(self, data: bytes) -> None:
        self._open_connections.hand_over(self._slot, self)
        super().data_received(data)
        if not self.handshake_initiated:
            # The headers exceed the limits of the websockets library, which reports nothing.
            # uvicorn would keep the connection open forever.
            self.transport.write(INVALID.encode(self.default_headers, self.client))
            self.transport.close()
        if self.transport.is_closing():
            self._begin_close()

    @property
    def _may_parse(self) -> bool:
        return not self.read_paused and self.writable.is_set()

    def parse_part(self) -> bool:
        """Parse a part of the bytes that wait; return whether another can follow."""
        if not self._may_parse:
            return False
        end = self._offset + PART_BYTES
        part = self._unparsed[self._offset : end]
        self._offset = end
        self._parse(part)
        if end < len(self._unparsed) and not self._has_failed:
            return self._may_parse
        self._unparsed, self._offset = b"", 0
        if not self.transport.is_closing() and (self._may_parse or self._has_failed):
            self.transport.resume_reading()
        return False

    def _parse(self, part: bytes) -> None:
        self.conn.receive_data(part)
        reason = self._count(frames=len(self.conn.events), size=len(part))
        self._unfinished_bytes += len(part)
        if reason is not None:
            self._fail(CloseCode.POLICY_VIOLATION, reason)
        elif self.conn.parser_exc is not None:
            self.handle_parser_exception()
        else:
            has_frames = bool(self.conn.events)
            self.handle_events()
            if has_frames and not self.frames:
                # The bytes after the last frame are fewer than one part.
                self._unfinished_bytes = 0
            self._hold_input()

    def _hold_input(self) -> None:
        """Count unprocessed bytes, and limit the time until a message is complete."""
        if self._has_failed:
            return
        is_unfinished = bool(self._unfinished_bytes or self.frames)
        if not self._has_begun_close and is_unfinished is not self._has_message_timeout:
            self._set_message_timeout(is_running=is_unfinished)
        size = self._unfinished_bytes + self._finished_bytes
        if size > UNCOUNTED_BYTES and not self._held.resize(self.group, size):
            if self._has_begun_close:
                self.abort()
            else:
                self._fail(CloseCode.TRY_AGAIN_LATER, _OVERLOADED)

    def _set_message_timeout(self, *, is_running: bool) -> None:
        self._has_message_timeout = is_running
        if is_running:
            self._timeouts.message.begin(self)
        else:
            self._timeouts.message.end(self)

    def _release_input(self) -> None:
        self._set_message_timeout(is_running=False)
        self._unfinished_bytes = self._finished_bytes = 0
        self.frames = []
        self._held.release()

    def _count(self, *, frames: int, size: int) -> str | None:
        """Count what was received; return the limit that it exceeds."""
        now = self.loop.time()
        if now >= self._second_ends_at:
            self._second_ends_at = now + 1
            self._frames = self._bytes = 0
        self._frames += frames
        self._bytes += size
        if self._frames > self._limits.max_frames:
            return f"At most {self._limits.max_frames:,} frames a second (MAX_WEBSOCKET_FRAMES)."
        if self._bytes > self._limits.max_bytes:
            return f"At most {self._limits.max_bytes:,} bytes a second (MAX_WEBSOCKET_BYTES)."
        if not self._slot.is_authenticated:
            self._unknown_frames += frames
            self._unknown_bytes += size
            if self._unknown_frames > MAX_UNKNOWN_FRAMES:
                return f"At most {MAX_UNKNOWN_FRAMES} frames before connection_init (fixed)."
            if self._unknown_bytes > MAX_UNKNOWN_BYTES:
                return f"At most {MAX_UNKNOWN_BYTES:,} bytes before connection_init (fixed)."
            self._open_connections.hold(self._slot, self, self._unknown_bytes)
        return None

    def handle_text(self, event: Frame) -> None:
        """Receive a message, or its first fragment."""
        super().handle_text(event)
        _release(event)

    def handle_bytes(self, event: Frame) -> None:
        """Receive a binary message, or its first fragment."""
        super().handle_bytes(event)
        _release(event)

    def handle_cont(self, event: Frame) -> None:
        """Append a fragment to its message; a list of fragments takes more memory than they do."""
        message: Any = self.frames[0]
        if not isinstance(message, bytearray):
            message = bytearray(message)
        message += event.data
        self.frames[0] = message
        is_last = event.fin
        _release(event)
        if is_last:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """Pass a complete message on, which is counted until the application has handled it."""
        if not self.close_sent:
            self._finished_bytes += self._unfinished_bytes
        self._unfinished_bytes = 0
        if self._has_message_timeout:
            self._set_message_timeout(is_running=False)
        super().send_receive_event_to_app()

    async def receive(self) -> Any:
        """Return the next ASGI message, and continue to read after the last one."""
        if self._finished_bytes and self.queue.empty():
            # The application has handled the messages before.
            self._finished_bytes = 0
            self._held.resize(self.group, self._unfinished_bytes)
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.writable.is_set():
                self._resume_reading()
        return message

    def _resume_reading(self) -> None:
        if self._unparsed:
            self._scheduler.wait(self, len(self._unparsed) - self._offset)
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def _fail(self, code: CloseCode, reason: str, *, is_logged: bool = True) -> None:
        """Close the connection with a close frame, because of what the client has sent."""
        raise NotImplementedError

    def expire(self) -> None:
        """Close the connection, because its message or closing handshake takes too long."""
        raise NotImplementedError

    def _begin_close(self) -> None:
        """Start the time limit of the closing handshake."""
        raise NotImplementedError


def _release(frame: Frame) -> None:
    """Release the content of a frame, because its parser keeps the frame until the next one."""
    frame.data = b""
