"""Bodies of OPS in any content coding and charset, within the limit."""

import gzip
import time
import tracemalloc
import zlib

import brotli
import orjson
import pytest

from ops.clients.http import HttpOps
from ops.clients.protocol import FailureKind, OpsFailure
from ops.clients.response_body import MAX_BODY_BYTES
from tests.ops.sockets import answering
from tests.ops.test_http_client import failure_of, http

TEXT = '{"reference": "R-é€", "status": "completed"}'
BODY = TEXT.encode()
BOMB = b"x" * 20 * MAX_BODY_BYTES


def raw_deflate(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": raw_deflate,
    "br": brotli.compress,
    "identity": bytes,
    "": bytes,
    "gzip, br": lambda content: brotli.compress(gzip.compress(content)),
    "gzip, identity": gzip.compress,
}


async def reference_of(answer: bytes) -> str:
    async with answering(answer) as server:
        client = HttpOps(server.url, token=None, timeout_s=10)
        try:
            return (await client.submit("{}", key="k", attempt=1)).reference
        finally:
            await client.close()


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_acceptance_in_a_content_coding_is_read(coding: str) -> None:
    answer = http("200 OK", CODINGS[coding](BODY), f"Content-Encoding: {coding}")
    assert await reference_of(answer) == "R-é€"


async def test_members_of_gzip_follow_each_other() -> None:
    content = gzip.compress(BODY[:10]) + gzip.compress(BODY[10:])
    assert await reference_of(http("200 OK", content, "Content-Encoding: gzip")) == "R-é€"


async def test_too_many_members_of_gzip_are_rejected_in_bounded_time() -> None:
    content = gzip.compress(b"") * (MAX_BODY_BYTES // len(gzip.compress(b"")))
    started_s = time.process_time()
    failure = await failure_of(http("200 OK", content, "Content-Encoding: gzip"))
    assert time.process_time() - started_s < 1
    assert "members" in failure.message


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, br"])
async def test_a_body_that_expands_is_read_up_to_the_limit(coding: str) -> None:
    answer = http("200 OK", CODINGS[coding](BOMB), f"Content-Encoding: {coding}")
    tracemalloc.start()
    failure = await failure_of(answer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert failure.message == f"OPS responded with more than {MAX_BODY_BYTES} bytes"
    # Only the beginning is kept.
    assert isinstance(failure.response, dict)
    assert failure.response["sizeBytes"] == MAX_BODY_BYTES
    assert peak < 12 * MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("coding", "content", "problem"),
    [
        ("gzip", BODY, "invalid compressed data"),
        ("gzip", gzip.compress(BODY)[:-9], "incomplete compressed data"),
        ("gzip", gzip.compress(BODY) + b"trailing", "invalid compressed data"),
        ("deflate", BODY, "compressed data"),
        ("deflate", zlib.compress(BODY)[:-5], "compressed data"),
        ("br", BODY, "compressed data"),
        ("br", brotli.compress(BODY)[:-5], "incomplete compressed data"),
        ("zstd", BODY, "unsupported content coding 'zstd'"),
        ("gzip, gzip, gzip", BODY, "3 content codings"),
    ],
    # Compressed bytes contain the time, and parallel workers need the same names.
    ids=range(9),
)
async def test_a_body_that_cannot_be_decompressed_is_malformed(
    coding: str, content: bytes, problem: str
) -> None:
    failure = await failure_of(http("200 OK", content, f"Content-Encoding: {coding}"))
    assert failure.kind is FailureKind.UNAVAILABLE
    assert problem in failure.message
    rejected = await failure_of(http("400 X", content, f"Content-Encoding: {coding}"))
    assert rejected.kind is FailureKind.REJECTED
    assert rejected.message == "OPS responded 400 X"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=iso-8859-1"])
async def test_an_acceptance_in_an_encoding_of_unicode_is_read(encoding: str, charset: str) -> None:
    header = f"Content-Type: application/json{charset}"
    assert await reference_of(http("200 OK", TEXT.encode(encoding), header)) == "R-é€"


@pytest.mark.parametrize(
    ("charset", "encoding", "reference"),
    [
        ("iso-8859-1", "iso-8859-1", "R-é"),
        ('"ISO-8859-15"', "iso-8859-15", "R-€"),
        ("windows-1252", "cp1252", "R-€"),
        ("Shift_JIS", "shift_jis", "R-日"),
        ("utf-8", "utf-8", "R-日"),
        ("utf-16", "utf-8", "R-日"),
        ("punycode", "utf-8", "R-日"),
        ("hex", "utf-8", "R-日"),
        ("no-such-charset", "utf-8", "R-日"),
    ],
)
async def test_an_acceptance_in_the_charset_of_the_header_is_read(
    charset: str, encoding: str, reference: str
) -> None:
    body = f'{{"reference": "{reference}"}}'.encode(encoding)
    header = f"Content-Type: application/json; charset={charset}"
    assert await reference_of(http("200 OK", body, header)) == reference


async def test_a_compressed_failure_is_read() -> None:
    body = orjson.dumps({"error": "no"})
    answer = http("403 Forbidden", gzip.compress(body), "Content-Encoding: gzip")
    failure = await failure_of(answer)
    assert isinstance(failure, OpsFailure)
    assert failure.response == {"httpStatus": 403, "body": {"error": "no"}}
