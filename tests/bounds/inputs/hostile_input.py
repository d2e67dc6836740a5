"""Declaration of a hostile input."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.bounds.harness import Answer, Target

__all__ = ["HostileInput", "in_parallel", "named_setting"]

_SETTING = re.compile(r"\(([A-Z][A-Z_]+)\)")


@dataclass(frozen=True, kw_only=True)
class HostileInput:
    """An input, and the answer that it must get."""

    name: str
    send: Callable[[Target], Answer]
    # The HTTP status, or the close code of a WebSocket; 0 for a closed connection.
    status: int = 200
    code: str | None = None
    # The setting that the message names.
    setting: str | None = None
    # Settings of a server of its own; without any, the input shares the server of the others.
    settings: Mapping[str, str] = field(default_factory=dict)
    # Whether it needs a server of its own, whose memory no other input has grown before.
    is_isolated: bool = False
    # The most that the memory may grow, if that is not the limit of `check`.
    max_memory_bytes: int | None = None
    # What OPS answers to the server of its own.
    ops_answer: bytes | None = None
    # Creates what the input needs, before the measurement. It can run more than once.
    prepare: Callable[[Target], None] | None = None

    @property
    def needs_own_server(self) -> bool:
        """Whether the input does not share the server with the default settings."""
        return self.is_isolated or bool(self.settings) or self.ops_answer is not None

    @contextmanager
    def given_settings(self) -> Iterator[Mapping[str, str]]:
        """Run the OPS that the input needs, and yield all settings of its server."""
        if self.ops_answer is None:
            yield self.settings
            return
        with _answering(self.ops_answer) as url:
            yield {**self.settings, "OPS_URL": url}


@contextmanager
def _answering(content: bytes) -> Iterator[str]:
    """Answer every request with this JSON, and yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815  # the name that http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def named_setting(answer: Answer) -> str | None:
    """Return the setting that the message of an answer names."""
    found = _SETTING.search(answer.message)
    return found[1] if found else None


def in_parallel(number: int, send: Callable[[int], Answer]) -> Answer:
    """Send several inputs at once, and return the worst of the answers."""
    with ThreadPoolExecutor(number) as threads:
        answers = list(threads.map(send, range(number)))
    return max(answers, key=lambda answer: (answer.status, answer.code or ""))
