"""Large responses are compressed for clients that accept gzip."""

import gzip
import json

import httpx2
import pytest

from app.http.compression import MIN_BYTES
from tests.app.rest.rest_client import create

QUERY = {"query": "{ tickets { nodes { id description } } }"}


@pytest.fixture
def large(http: httpx2.Client) -> None:
    """Create tickets with long descriptions."""
    for _ in range(3):
        create(http, description="Ä" * MIN_BYTES)


def ask(http: httpx2.Client, accepted: str | None) -> tuple[httpx2.Response, bytes]:
    """Return a response and its bytes as received."""
    headers = {"Accept-Encoding": accepted} if accepted is not None else {}
    request = http.build_request("POST", "/graphql", json=QUERY, headers=headers)
    if accepted is None:
        del request.headers["Accept-Encoding"]
    response = http.send(request, stream=True)
    raw = b"".join(response.iter_raw())
    assert response.status_code == 200
    assert len(raw) == int(response.headers["Content-Length"])
    return response, raw


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*", "identity;q=0, *;q=0.1"])
def test_a_large_response_is_compressed_if_gzip_is_accepted(
    http: httpx2.Client, accepted: str
) -> None:
    plain, expected = ask(http, "identity")
    response, raw = ask(http, accepted)
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(raw) < len(expected) / 10
    assert gzip.decompress(raw) == expected
    for answer in (plain, response):
        assert answer.headers.get_list("Vary", split_commas=True) == ["Accept", "Accept-Encoding"]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    "accepted", [None, "", "identity", "br", "gzip;q=0", "*, gzip;q=0", "gzip;q=x"]
)
def test_a_large_response_is_not_compressed_otherwise(
    http: httpx2.Client, accepted: str | None
) -> None:
    response, raw = ask(http, accepted)
    assert "Content-Encoding" not in response.headers
    assert len(json.loads(raw)["data"]["tickets"]["nodes"]) >= 3


def test_a_small_response_is_not_compressed(http: httpx2.Client) -> None:
    response = http.post("/graphql", json={"query": "{ __typename }"})
    assert "gzip" in response.request.headers["Accept-Encoding"]
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept"


@pytest.mark.usefixtures("large")
def test_a_rest_response_with_a_strong_etag_is_not_compressed(http: httpx2.Client) -> None:
    """A strong entity tag identifies the exact bytes."""
    tickets = http.get("/tickets", headers={"Accept-Encoding": "gzip"})
    assert tickets.headers["Content-Encoding"] == "gzip"
    ticket = http.get(f"/tickets/{tickets.json()[0]['id']}", headers={"Accept-Encoding": "gzip"})
    assert ticket.headers["ETag"] == '"1"'
    assert "Content-Encoding" not in ticket.headers
    assert len(ticket.content) > MIN_BYTES


@pytest.mark.usefixtures("large")
def test_events_are_not_compressed(http: httpx2.Client) -> None:
    """Otherwise a proxy or client might wait for more events."""
    response = http.post("/graphql", json=QUERY, headers={"Accept": "text/event-stream"})
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert len(response.content) > MIN_BYTES
    assert "Content-Encoding" not in response.headers
