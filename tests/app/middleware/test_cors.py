"""Pages of configured origins may call the API, and read its responses."""

from collections.abc import Iterator

import httpx2
import pytest

from app.middleware.cors import EXPOSED_HEADERS, REQUEST_HEADERS
from app.rest.openapi.responses import component_headers
from tests.app.http.conftest import Serve
from tests.app.http.serving import served
from tests.app.rest.rest_client import create, problem
from tests.docs.markdown import ROOT, Page
from tests.proof.wire import connected, handshake, received, statuses

PAGE = "http://app.example"
DESKTOP = "altair://-"
GUIDE = Page(ROOT / "docs/how-to/web-pages.md")


@pytest.fixture(scope="module")
def http(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Return a client of a server that admits the pages."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    origins = f"http://APP.example:80/,{DESKTOP}"
    with served(log_file, database_url, CORS_ORIGINS=origins, CORS_HEADERS="X-Tenant") as running:
        yield running.http


def preflight(
    http: httpx2.Client, *headers: str, origin: str = PAGE, method: str = "POST", **more: str
) -> httpx2.Response:
    requested = {"Access-Control-Request-Headers": ", ".join(headers)} if headers else {}
    all_headers = {"Origin": origin, "Access-Control-Request-Method": method} | requested | more
    return http.options("/graphql", headers=all_headers)


@pytest.mark.parametrize("origin", [PAGE, DESKTOP])
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("content-type", "sentry-trace", "baggage"),
        ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "traceparent"),
        ("apollo-require-preflight", "apollographql-client-name", "x-apollo-operation-name"),
        ("x-tenant",),
        REQUEST_HEADERS,
    ],
)
def test_a_preflight_allows_what_clients_send(
    http: httpx2.Client, headers: tuple[str, ...], origin: str
) -> None:
    response = preflight(http, *headers, origin=origin)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == origin
    allowed = response.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {name.lower() for name in headers} <= set(allowed)
    assert "PUT" in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://app.example:81", ""])
def test_another_origin_is_rejected(http: httpx2.Client, origin: str) -> None:
    response = preflight(http, origin=origin)
    assert "CORS_ORIGINS" in problem(response, 403, "FORBIDDEN")["detail"]
    assert "Access-Control-Allow-Origin" not in response.headers
    read = http.get("/tickets", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in read.headers
    assert "Origin" in read.headers["Vary"].split(", ")


def test_the_reason_for_a_rejected_preflight_can_be_read(http: httpx2.Client) -> None:
    response = preflight(http, "content-type", "X-Unknown")
    assert "x-unknown. Add it to CORS_HEADERS" in problem(response, 403, "FORBIDDEN")["detail"]
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    response = preflight(http, method="PATCH")
    assert "PATCH" in problem(response, 403, "FORBIDDEN")["detail"]


def test_a_public_page_may_call_a_server_in_a_private_network(http: httpx2.Client) -> None:
    response = preflight(http, **{"Access-Control-Request-Private-Network": "true"})
    assert response.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize("origin", [PAGE, DESKTOP])
def test_a_page_reads_responses_and_changes_tickets(http: httpx2.Client, origin: str) -> None:
    there = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    ticket = create(http)
    for response in (
        http.get(f"/tickets/{ticket['id']}", headers=there),
        http.put(f"/tickets/{ticket['id']}", json={"status": "closed"}, headers=there),
        http.post("/graphql", json={"query": "{ viewer { name } }"}, headers=there),
        http.get("/unknown", headers=there),
        http.get("/openapi.json", headers=there),
    ):
        assert response.status_code in {200, 404}
        assert response.headers["Access-Control-Allow-Origin"] == origin
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert exposed == list(EXPOSED_HEADERS)


@pytest.mark.parametrize(
    ("origin", "status"), [(PAGE, 101), (DESKTOP, 101), ("null", 403), ("altair://other", 403)]
)
def test_only_pages_of_these_origins_open_websockets(
    http: httpx2.Client, origin: str, status: int
) -> None:
    lines = f"Origin: {origin}\r\nSec-Fetch-Site: cross-site\r\n\r\n".encode()
    with connected(str(http.base_url)) as wire:
        wire.sendall(handshake("localhost").removesuffix(b"\r\n") + lines)
        assert statuses(received(wire, b"\r\n\r\n")) == [status]


def test_a_page_can_read_every_documented_header() -> None:
    assert set(component_headers()) <= set(EXPOSED_HEADERS)


def test_all_headers_can_be_allowed(serve: Serve) -> None:
    http = serve(CORS_ORIGINS=PAGE, CORS_HEADERS="*").http
    response = preflight(http, "x-one", "X-Two")
    assert response.headers["Access-Control-Allow-Headers"] == "x-one, x-two"


def test_the_settings_of_the_guide_admit_its_pages(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [block.text.strip() for block in GUIDE.blocks if block.language == "ini"]
    settings = dict(line.split("=", maxsplit=1) for line in lines)
    assert set(settings) == {"CORS_ORIGINS", "CORS_HEADERS"}
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    with served(log_file, database_url, **settings) as running:
        for origin in settings["CORS_ORIGINS"].split(","):
            headers = settings["CORS_HEADERS"].split(",")
            assert preflight(running.http, *headers, origin=origin).status_code == 204
