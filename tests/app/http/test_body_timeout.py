"""What does not come within REQUEST_TIMEOUT_MS is not waited for any more."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.app.http.serving import Served, served
from tests.proof.wire import connected, received, statuses

LATE = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"


@pytest.fixture(scope="module")
def hasty(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with little time for a request."""
    log_file = Path(tmp_path_factory.mktemp("log") / "server.log")
    with served(log_file, database_url, REQUEST_TIMEOUT_MS="200") as running:
        yield running


def answer_to(hasty: Served, sent: bytes) -> tuple[bytes, bytes]:
    """Return head and body of the answer to half a request."""
    with connected(hasty.url) as wire:
        wire.sendall(sent)
        head, _, body = received(wire, b"}").partition(b"\r\n\r\n")
    return head, body


def test_half_a_head_is_refused(hasty: Served) -> None:
    head, body = answer_to(hasty, b"POST /graphql HTTP/1.1\r\n" + LATE)
    assert statuses(head) == [408]
    assert orjson.loads(body)["code"] == "TIMEOUT"


@pytest.mark.parametrize("body", [b"", b'{"query": '], ids=["none of it", "a part"])
def test_the_body_of_a_graphql_request_that_does_not_come_is_its_error(
    hasty: Served, body: bytes
) -> None:
    with connected(hasty.url) as wire:
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


def test_the_body_of_a_rest_request_that_does_not_come_is_its_problem(hasty: Served) -> None:
    head, body = answer_to(hasty, b"POST /tickets HTTP/1.1\r\n" + LATE + b"\r\n")
    assert statuses(head) == [504]
    assert orjson.loads(body)["code"] == "TIMEOUT"
