"""Compressed bodies of requests, over GraphQL and REST."""

import gzip
import zlib

import httpx2
import orjson
import pytest

from app.http.content_coding import (
    ContentTooLarge,
    InvalidContent,
    UnsupportedCoding,
    decode,
    is_gzipped,
)
from tests.app.http.conftest import Serve
from tests.app.rest.rest_client import NEW, create, problem

QUERY = orjson.dumps({"query": "{ viewer { name } }"})
JSON = {"Content-Type": "application/json"}
GZIP = JSON | {"Content-Encoding": "gzip"}
MIB = 1_048_576


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], False),
        (["identity"], False),
        (["", " , Identity"], False),
        (["gzip"], True),
        (["X-GZip"], True),
        (["identity, gzip", "identity"], True),
        (["br"], None),
        (["deflate"], None),
        (["gzip, gzip"], None),
        (["gzip", "br"], None),
        (["gzip;q=1"], None),
    ],
)
def test_the_codings_of_all_lines_are_read(lines: list[str], *, expected: bool | None) -> None:
    headers = [(b"content-encoding", line.encode()) for line in lines]
    if expected is None:
        with pytest.raises(UnsupportedCoding):
            is_gzipped(headers)
    else:
        assert is_gzipped(headers) is expected


@pytest.mark.parametrize("size", [0, 1, 131_072, 131_073, MIB])
async def test_content_is_decompressed_up_to_the_limit(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    compressed = gzip.compress(content, 1)
    assert await decode(compressed, max_bytes=size) == content
    assert await decode(compressed, max_bytes=size + 1) == content
    if size:
        with pytest.raises(ContentTooLarge):
            await decode(compressed, max_bytes=size - 1)


async def test_parts_are_joined() -> None:
    content = gzip.compress(b"a" * 100_000) + gzip.compress(b"") + gzip.compress(b"b")
    assert await decode(content, max_bytes=MIB) == b"a" * 100_000 + b"b"


# Without the current time: all workers must collect tests of the same names.
COMPRESSED = gzip.compress(QUERY, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        COMPRESSED[:-1],
        COMPRESSED[:-5] + b"\0" * 5,
        COMPRESSED + b"{}",
        gzip.compress(b"", mtime=0) * 2_000,
        zlib.compress(QUERY),
        gzip.compress(bytes(range(256)) * 1_000, mtime=0)[:-1],
    ],
)
async def test_invalid_content_is_rejected(content: bytes) -> None:
    with pytest.raises(InvalidContent):
        await decode(content, max_bytes=MIB)


def test_both_interfaces_accept_gzip(http: httpx2.Client) -> None:
    response = http.post("/graphql", content=gzip.compress(QUERY), headers=GZIP)
    assert response.json() == {"data": {"viewer": {"name": None}}}
    body = gzip.compress(orjson.dumps(NEW))
    created = http.post("/tickets", content=body, headers=GZIP)
    assert created.status_code == 201
    path = created.headers["Location"]
    changed = http.put(path, content=gzip.compress(b'{"status": "closed"}'), headers=GZIP)
    assert changed.json()["status"] == "closed"
    sent = http.post(f"/api/ops/{created.json()['id']}", content=gzip.compress(b"{}"), headers=GZIP)
    assert sent.status_code == 200


def test_a_part_of_compressed_content_is_not_executed(http: httpx2.Client) -> None:
    content = gzip.compress(QUERY)[:-4]
    response = http.post("/graphql", content=content, headers=GZIP)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    ticket = create(http)
    rejected = http.put(f"/tickets/{ticket['id']}", content=content, headers=GZIP)
    problem(rejected, 400, "INVALID")


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_other_codings_are_rejected_with_the_accepted_one(http: httpx2.Client, coding: str) -> None:
    headers = JSON | {"Content-Encoding": coding}
    response = http.post("/graphql", content=QUERY, headers=headers)
    assert response.status_code == 415
    assert response.headers["Accept-Encoding"] == "gzip"
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    rejected = http.post("/tickets", content=QUERY, headers=headers)
    problem(rejected, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert rejected.headers["Accept-Encoding"] == "gzip"


def test_the_limit_applies_to_the_decompressed_content(serve: Serve) -> None:
    http = serve(MAX_BODY_BYTES="200000").http
    for size, status in ((200_000, 200), (200_001, 413), (150 * MIB, 413)):
        bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
        parts = [bomb.compress(QUERY)]
        padding = size - len(QUERY)
        parts += [bomb.compress(b" " * min(MIB, padding - at)) for at in range(0, padding, MIB)]
        content = b"".join([*parts, bomb.flush()])
        response = http.post("/graphql", content=content, headers=GZIP)
        assert response.status_code == status
