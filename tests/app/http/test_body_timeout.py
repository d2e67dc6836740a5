"""REQUEST_TIMEOUT_MS limits the time to receive a request."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.app.http.serving import Served, served
from tests.proof.wire import connected, received, statuses

LATE = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server with a short timeout."""
    log_file = Path(tmp_path_factory.mktemp("log") / "server.log")
    with served(log_file, database_url, REQUEST_TIMEOUT_MS="200") as running:
        yield running


def response_to(impatient: Served, sent: bytes) -> tuple[bytes, bytes]:
    """Return head and body of the response to an incomplete request."""
    with connected(impatient.url) as wire:
        wire.sendall(sent)
        head, _, body = received(wire, b"}").partition(b"\r\n\r\n")
    return head, body


def test_an_incomplete_head_is_408(impatient: Served) -> None:
    head, body = response_to(impatient, b"POST /graphql HTTP/1.1\r\n" + LATE)
    assert statuses(head) == [408]
    assert orjson.loads(body)["code"] == "TIMEOUT"


@pytest.mark.parametrize("body", [b"", b'{"query": '], ids=["none of it", "a part"])
def test_an_incomplete_body_over_graphql_is_an_error(impatient: Served, body: bytes) -> None:
    with connected(impatient.url) as wire:
        wire.sendall(b"POST /graphql HTTP/1.1\r\n" + LATE + b"\r\n" + body)
        head, _, answer = received(wire, b"]}").partition(b"\r\n\r\n")
    assert statuses(head) == [504]
    assert b"content-type: application/json" in head
    assert orjson.loads(answer) == {
        "errors": [
            {
                "message": "The body was not received within 0.2 s. Try again.",
                "extensions": {"code": "TIMEOUT"},
            }
        ]
    }


def test_an_incomplete_body_over_rest_is_a_problem(impatient: Served) -> None:
    head, body = response_to(impatient, b"POST /tickets HTTP/1.1\r\n" + LATE + b"\r\n")
    assert statuses(head) == [504]
    assert orjson.loads(body)["code"] == "TIMEOUT"
