"""RATE_LIMIT: how many requests one caller may make, whatever carries them."""

import json

import pytest
from websockets.sync.client import connect

from app.access.rate_limit import RateLimit
from app.settings import Settings
from app.trouble import Trouble
from tests.app.http.conftest import Serve

VIEWER = {"query": "{ viewer { name } }"}


def test_without_a_limit_nothing_is_told(serve: Serve) -> None:
    response = serve().http.post("/graphql", json=VIEWER)
    assert "RateLimit-Limit" not in response.headers


def test_what_is_left_is_told_and_then_refused_over_graphql_and_rest_together(
    serve: Serve,
) -> None:
    http = serve(RATE_LIMIT="3/hour").http
    left = []
    for response in (
        http.post("/graphql", json=VIEWER),
        http.get("/tickets"),
        http.get("/graphql", params=VIEWER),
    ):
        assert response.status_code == 200
        assert response.headers["RateLimit-Limit"] == "3"
        assert 0 < int(response.headers["RateLimit-Reset"]) <= 3600
        left.append(response.headers["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]

    refused = http.post("/graphql", json=VIEWER)
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    refused = http.get("/tickets")
    assert refused.status_code == 429
    assert refused.json()["code"] == "RATE_LIMITED"


def test_health_is_not_counted(serve: Serve) -> None:
    http = serve(RATE_LIMIT="1/hour").http
    assert [http.get("/readyz").status_code for _ in range(3)] == [200, 200, 200]


def test_operations_of_a_socket_are_counted_one_by_one(serve: Serve) -> None:
    url = serve(RATE_LIMIT="2/hour").url.replace("http", "ws") + "/graphql"
    with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]  # a NewType of str
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        answers = []
        for number in range(3):
            message = {"id": str(number), "type": "subscribe", "payload": VIEWER}
            socket.send(json.dumps(message))
            answer = json.loads(socket.recv())
            answers.append(answer["type"])
            if answer["type"] == "next":
                assert json.loads(socket.recv())["type"] == "complete"
            else:
                assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answers == ["next", "next", "error"]


@pytest.mark.parametrize("storage", ["redis://127.0.0.1:1", "memcached://127.0.0.1:1"])
def test_a_storage_without_its_client_is_told_at_the_start(storage: str) -> None:
    environ = {"RATE_LIMIT": "2/hour", "RATE_LIMIT_STORAGE": storage}
    with pytest.raises(Trouble, match="RATE_LIMIT_STORAGE cannot be used"):
        RateLimit(Settings.load(environ, dotenv=None))
