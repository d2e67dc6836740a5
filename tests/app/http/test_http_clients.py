"""HTTP clients of others in their default configuration, against a server in a process."""

import json
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.app.http.conftest import Serve, Tokens
from tests.app.http.serving import Served
from tests.app.programs import needed
from tests.app.rest.rest_client import NEW

MIB = 1_048_576
QUERY = json.dumps({"query": "{ viewer { name } }"})
JSON = {"Content-Type": "application/json"}


def run(*command: str) -> list[str]:
    """Run a program and return the lines of its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_java_reads_and_writes(server: Served) -> None:
    source = Path(__file__).with_name("java") / "Exchange.java"
    requests = [
        *("POST", "/graphql", QUERY),
        *("POST", "/tickets", json.dumps(NEW | {"id": "from-java"})),
        *("PUT", "/tickets/from-java", '{"status": "closed"}'),
        *("GET", "/tickets/from-java", ""),
        *("DELETE", "/tickets/from-java", ""),
    ]
    # Java runs a source file with its compiler.
    needed("javac", package="default-jdk-headless")
    query, created, updated, read, deleted = run(needed("java"), str(source), server.url, *requests)
    assert query == '200 {"data":{"viewer":{"name":null}}}'
    assert created.startswith('201 {"id":"from-java",')
    assert '"status":"closed"' in updated
    assert read == updated
    assert deleted == "204 "


@pytest.mark.parametrize("chunked", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_curl_offers_http_2(server: Served, chunked: list[str]) -> None:
    options = ["-sS", "--http2", "-H", "Content-Type: application/json", *chunked]
    assert run(needed("curl"), *options, "-d", QUERY, f"{server.url}/graphql") == [
        '{"data":{"viewer":{"name":null}}}'
    ]


def test_curl_speaks_http_1_0(server: Served) -> None:
    url = f"{server.url}/graphql"
    options = ["-sS", "--http1.0", "-i", "-H", "Content-Type: application/json", "-d", QUERY]
    events = run(needed("curl"), *options, "-H", "Accept: text/event-stream", url)
    assert not any(line.lower().startswith("transfer-encoding") for line in events)
    at = events.index("event: next")
    assert events[at + 1] == 'data: {"data":{"viewer":{"name":null}}}'
    assert "event: complete" in events
    # The second request uses the connection of the first.
    kept = run(needed("curl"), *options, "-H", "Connection: keep-alive", "-v", url, url)
    assert len([line for line in kept if line.lower() == "connection: keep-alive"]) == 2


def status_of(url: str, method: str, size: int, **headers: str) -> int:
    """Send a body as urllib does: it reads the response only after it has sent all of it."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    with closing(connection):
        all_headers = JSON | {"Connection": "close"} | headers
        connection.request(method, urlsplit(url).path, b" " * size, all_headers)
        response = connection.getresponse()
        assert response.read()
        return response.status


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/graphql", {}, 413),
        ("POST", "/tickets", {}, 413),
        ("POST", "/unknown", {}, 404),
        ("POST", "/healthz", {}, 405),
        ("PATCH", "/tickets/1", {}, 405),
        ("POST", "/graphql", {"Content-Type": "text/plain"}, 415),
        ("POST", "/tickets", {"Content-Type": "text/plain"}, 415),
        ("POST", "/graphql", {"Accept": "image/png"}, 406),
        ("POST", "/tickets", {"Host": "elsewhere.example"}, 421),
        ("POST", "/tickets", {"Origin": "http://elsewhere.example"}, 403),
    ],
)
def test_a_client_that_sends_first_receives_an_early_response(
    server: Served, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    for mib in (5, 64):
        assert status_of(server.url + path, method, mib * MIB, **headers) == status


def test_a_client_that_sends_first_receives_the_rate_limit(serve: Serve, new_token: Tokens) -> None:
    server = serve(AUTH="required", RATE_LIMIT="1/day")
    credential = {"Authorization": f"Bearer {new_token('read', 'write')}"}
    for path, status in (("/graphql", 413), ("/graphql", 429), ("/tickets", 429)):
        assert status_of(server.url + path, "POST", 64 * MIB, **credential) == status
    assert status_of(f"{server.url}/tickets", "POST", 64 * MIB) == 401
