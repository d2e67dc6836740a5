"""Large answers are compressed for whoever takes that, and nothing else is."""

import gzip
import json

import httpx2
import pytest

from app.http.compression import MIN_BYTES
from tests.app.http.asking import create

QUERY = {"query": "{ tickets { nodes { id description } } }"}


@pytest.fixture
def large(http: httpx2.Client) -> None:
    """Make tickets that a page has much to say of."""
    for _ in range(3):
        create(http, description="Ä" * MIN_BYTES)


def ask(http: httpx2.Client, accepted: str | None) -> tuple[httpx2.Response, bytes]:
    """Return an answer and the bytes that came."""
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
def test_a_large_answer_is_gzipped_for_who_takes_it(http: httpx2.Client, accepted: str) -> None:
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
def test_for_all_others_it_stays_as_it_is(http: httpx2.Client, accepted: str | None) -> None:
    response, raw = ask(http, accepted)
    assert "Content-Encoding" not in response.headers
    assert len(json.loads(raw)["data"]["tickets"]["nodes"]) >= 3


def test_a_small_answer_stays_as_it_is(http: httpx2.Client) -> None:
    response = http.post("/graphql", json={"query": "{ __typename }"})
    assert "gzip" in response.request.headers["Accept-Encoding"]
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept"


@pytest.mark.usefixtures("large")
def test_a_list_over_rest_is_gzipped_and_a_ticket_with_its_tag_is_not(http: httpx2.Client) -> None:
    """A tag that is not weak says that the body has just these bytes."""
    tickets = http.get("/tickets", headers={"Accept-Encoding": "gzip"})
    assert tickets.headers["Content-Encoding"] == "gzip"
    ticket = http.get(f"/tickets/{tickets.json()[0]['id']}", headers={"Accept-Encoding": "gzip"})
    assert ticket.headers["ETag"] == '"1"'
    assert "Content-Encoding" not in ticket.headers
    assert len(ticket.content) > MIN_BYTES


@pytest.mark.usefixtures("large")
def test_events_are_not_compressed(http: httpx2.Client) -> None:
    """They are sent one by one, and a proxy or a client must not wait for more of them."""
    response = http.post("/graphql", json=QUERY, headers={"Accept": "text/event-stream"})
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert len(response.content) > MIN_BYTES
    assert "Content-Encoding" not in response.headers
