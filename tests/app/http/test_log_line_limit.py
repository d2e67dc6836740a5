"""Requests without a credential cannot fill the log of a server."""

import re
import socket
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from app.config.log_line_limit import MAX_LINES_PER_ADDRESS
from tests.app.http.conftest import Tokens
from tests.app.http.serving import Served, served

REQUESTS = 3 * MAX_LINES_PER_ADDRESS
# Requests on one connection, fewer than may wait there.
BATCH = 10
INVALID = 5


def receive_all(server: Served, content: bytes) -> bytes:
    """Send requests on one connection, and return what the server sends until it closes it."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as wire:
        wire.sendall(content)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def test_lines_are_limited_before_a_credential_and_counted(
    tmp_path: Path, database_url: str, new_token: Tokens
) -> None:
    authorization = f"Bearer {new_token('admin')}"
    one = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
    batch = (BATCH - 1) * (one + b"\r\n") + one + b"Connection: close\r\n\r\n"
    with served(tmp_path / "log", database_url, AUTH="required") as server:
        for _ in range(REQUESTS // BATCH):
            assert receive_all(server, batch).count(b"HTTP/1.1 401 ") == BATCH
        for _ in range(INVALID):
            assert receive_all(server, b"invalid\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        response = server.http.get("/metrics", headers={"Authorization": authorization})
        # Requests of authenticated callers are logged as before.
        assert server.line_of(response)["status"] == 200
    [counted] = re.findall(
        r'^ticketops_http_requests_total{status="401"} (\d+)', response.text, re.MULTILINE
    )
    assert int(float(counted)) == REQUESTS

    log = server.log()
    written = Counter((event["message"], event.get("status")) for event in log)
    reports = [event for event in log if event["message"] == "log lines left out"]
    left_out: Counter[str] = Counter()
    for report in reports:
        assert (report["level"], report["addresses"]) == ("warning", 1)
        assert report["left_out"] == sum(report["kinds"].values())
        left_out.update(report["kinds"])
    assert left_out["request 401"] > 0
    assert written["request", 401] + left_out["request 401"] == REQUESTS
    assert written["request rejected", 400] + left_out["request rejected"] == INVALID
