"""The page and its files, as they go over HTTP."""

import gzip
import hashlib
import re
from collections.abc import AsyncIterator

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.routing import Route

from app.graphiql.files import ROUTES, third_party_files
from app.graphiql.page import graphiql_page
from tests.app.graphiql.requirements import needs_files

pytestmark = needs_files


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    app = Starlette(routes=[Route("/graphql", graphiql_page), *ROUTES])
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://here") as client:
        yield client


async def _addresses(client: AsyncClient) -> list[str]:
    page = (await client.get("/graphql")).text
    return re.findall(r'(?:src|href)="([^"]+)"', page)


async def test_the_policy_allows_this_origin_and_nothing_inline(client: AsyncClient) -> None:
    page = await client.get("/graphql")
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert page.headers["vary"] == "Accept"
    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_page_names_no_other_host_and_has_no_inline_code(client: AsyncClient) -> None:
    page = (await client.get("/graphql")).text
    assert "//" not in "".join(await _addresses(client))
    assert set(re.findall(r"<script(?! defer src=)[^>]*>", page)) == {
        '<script type="application/json" id="examples">'
    }
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


async def test_each_file_is_kept_for_good_under_a_name_of_its_content(client: AsyncClient) -> None:
    for address in await _addresses(client):
        file = await client.get(address)
        assert file.status_code == 200, address
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        digest = hashlib.sha256(gzip.compress(file.content, mtime=0)).hexdigest()
        assert digest[:16] in address


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".js", "text/javascript; charset=utf-8"),
        (".css", "text/css; charset=utf-8"),
        (".svg", "image/svg+xml"),
        (".txt", "text/plain; charset=utf-8"),
    ],
)
async def test_each_file_has_the_type_of_its_content(
    client: AsyncClient, suffix: str, media_type: str
) -> None:
    addresses = [address for address in await _addresses(client) if address.endswith(suffix)]
    assert addresses
    for address in addresses:
        assert (await client.get(address)).headers["content-type"] == media_type


@pytest.mark.parametrize(
    ("accept_encoding", "gzipped"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("", False),
    ],
)
async def test_a_file_is_gzipped_for_who_takes_it(
    client: AsyncClient, accept_encoding: str, *, gzipped: bool
) -> None:
    name = third_party_files()["graphiql.js"].name
    file = await client.get(f"/graphiql/{name}", headers={"Accept-Encoding": accept_encoding})
    assert (file.headers.get("content-encoding") == "gzip") is gzipped
    assert file.headers["vary"] == "Accept-Encoding"
    assert len(file.content) > 900_000
    assert int(file.headers["content-length"]) < 350_000 or not gzipped


async def test_a_browser_that_has_the_file_is_told_so(client: AsyncClient) -> None:
    address = f"/graphiql/{third_party_files()['react.js'].name}"
    etag = (await client.get(address)).headers["etag"]
    again = await client.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["page.js", "page.0123456789abcdef.js", "..%2fassets.py", "%2e%2e%2fassets.py"]
)
async def test_nothing_else_is_served(client: AsyncClient, name: str) -> None:
    assert (await client.get(f"/graphiql/{name}")).status_code == 404
