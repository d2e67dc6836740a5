"""The HTTP client of OPS: its requests, and the meaning of every response."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import orjson
import pytest

from models import OpsRemoteStatus
from ops.clients.call import timed_call
from ops.clients.http import HttpOps
from ops.clients.protocol import FailureKind, OpsFailure
from ops.clients.redaction import MAX_RESPONSE_BYTES
from ops.clients.response_body import MAX_BODY_BYTES
from tests.ops.authority import Authority
from tests.ops.sockets import answering

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
TOKEN = "s3cr3t-t0ken"  # noqa: S105  # not a real secret


@asynccontextmanager
async def client_of(
    url: str,
    *,
    timeout_s: float = 2,
    token: str | None = TOKEN,
    verify: ssl.SSLContext | bool = True,
) -> AsyncIterator[HttpOps]:
    client = HttpOps(url, token=token, timeout_s=timeout_s, verify=verify, now=lambda: NOW)
    try:
        yield client
    finally:
        await client.close()


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return the bytes of a response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def failure_of(answer: bytes | None, *, method: str = "POST") -> OpsFailure:
    """Return the failure that a response causes."""
    async with answering(answer) as server, client_of(server.url) as client:
        posted = client.submit("{}", key="k", attempt=1)
        asked = client.status("R-1")
        unused, used = (asked, posted) if method == "POST" else (posted, asked)
        unused.close()
        with pytest.raises(OpsFailure) as caught:
            await used
    return caught.value


async def test_a_ticket_is_submitted_unchanged_with_its_key_and_the_token() -> None:
    payload = '{"id": "T-1", "n": 12345678901234567890.10}'
    accepted = http("201 Created", b'{"reference": "R-1", "status": "received"}')
    async with answering(accepted) as server, client_of(f"{server.url}/api/") as client:
        answer = await client.submit(payload, key="key-1", attempt=3)
    [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /api/tickets http/1.1"
    assert {
        "idempotency-key: key-1",
        "x-delivery-attempt: 3",
        f"authorization: bearer {TOKEN}",
        "content-type: application/json",
        "accept: application/json",
        "accept-encoding: identity",
    } <= set(lines)
    assert body.decode() == payload
    assert answer.reference == "R-1"
    assert answer.remote_status is OpsRemoteStatus.RECEIVED
    assert answer.response == {"reference": "R-1", "status": "received"}


async def test_without_a_token_there_is_no_authorization() -> None:
    accepted = http("200 OK", b'{"reference": "R-1"}')
    async with answering(accepted) as server, client_of(server.url, token=None) as client:
        await client.submit("{}", key="k", attempt=1)
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("body", "reference", "status"),
    [
        (b'{"reference": "R-1", "status": "IN_PROGRESS"}', "R-1", "in_progress"),
        (b'{"reference": 17}', "17", "received"),
        (b'{"reference": "R-1", "status": "being looked at"}', "R-1", "received"),
        (b'{"reference": "R/1?x=\\u00e9", "status": null}', "R/1?x=é", "received"),
    ],
)
async def test_any_success_with_a_reference_is_an_acceptance(
    body: bytes, reference: str, status: str
) -> None:
    async with answering(http("202 Accepted", body)) as server, client_of(server.url) as client:
        answer = await client.submit("{}", key="k", attempt=1)
    assert (answer.reference, answer.remote_status) == (reference, status)


async def test_a_reference_is_percent_encoded_in_the_path() -> None:
    report = http("200 OK", '{"reference": "../R 1/?é", "status": "completed"}'.encode())
    async with answering(report) as server, client_of(server.url) as client:
        answer = await client.status("../R 1/?é")
    assert server.requests[0].startswith(b"GET /tickets/..%2FR%201%2F%3F%C3%A9 HTTP/1.1\r\n")
    assert answer.status is OpsRemoteStatus.COMPLETED


@pytest.mark.parametrize(
    "reference",
    ["/", "//h/x", "a/../..", "..;/x", "?a=b", "#a", "%2e%2e", "%2F", "..\\..", "...", ". .", "%"],
)
async def test_a_reference_leads_to_no_other_path(reference: str) -> None:
    report = http("200 OK", orjson.dumps({"reference": reference, "status": "completed"}))
    async with answering(report) as server, client_of(f"{server.url}/api") as client:
        assert (await client.status(reference)).reference == reference
    target = server.requests[0].split()[1]
    assert target.startswith(b"/api/tickets/")
    segment = target.removeprefix(b"/api/tickets/").decode()
    assert unquote(segment) == reference
    assert not {*segment} & {*"/?#\\"}
    assert segment not in {".", ".."}


@pytest.mark.parametrize("reference", [".", ".."])
async def test_a_dot_segment_is_no_reference(reference: str) -> None:
    body = orjson.dumps({"reference": reference, "status": "completed"})
    async with answering(http("200 OK", body)) as server, client_of(server.url) as client:
        with pytest.raises(OpsFailure, match="the reference '") as refused:
            await client.status(reference)
        assert server.requests == []
    assert not refused.value.retryable
    assert f"the reference '{reference}'" in (await failure_of(http("200 OK", body))).message


@pytest.mark.parametrize("other", ['"R-2"', '""', "1", "true", "null", '{"id": "R-1"}'])
async def test_a_response_about_another_reference_is_malformed(other: str) -> None:
    body = f'{{"reference": {other}, "status": "completed"}}'.encode()
    failure = await failure_of(http("200 OK", body), method="GET")
    assert (failure.kind, failure.message) == (
        FailureKind.UNAVAILABLE,
        "OPS responded about another reference",
    )


@pytest.mark.parametrize(("reference", "own"), [("R-1", ""), ("17", '"reference": 17,')])
async def test_a_response_about_the_reference_is_its_status(reference: str, own: str) -> None:
    report = http("200 OK", f'{{{own} "status": "completed"}}'.encode())
    async with answering(report) as server, client_of(server.url) as client:
        assert (await client.status(reference)).status is OpsRemoteStatus.COMPLETED


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 599, 301, 307])
async def test_temporary_failures_are_retryable(status: int) -> None:
    failure = await failure_of(http(f"{status} X", b'{"error": "later"}'))
    assert failure.kind is FailureKind.UNAVAILABLE
    assert failure.retryable
    assert failure.response == {"httpStatus": status, "body": {"error": "later"}}
    assert str(status) in failure.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 415, 422, 451])
async def test_other_client_errors_are_final_rejections(status: int) -> None:
    failure = await failure_of(http(f"{status} X", b'{"error": "no"}'))
    assert failure.kind is FailureKind.REJECTED
    assert not failure.retryable


async def test_an_unknown_reference_is_not_found() -> None:
    failure = await failure_of(http("404 Not Found", b"gone"), method="GET")
    assert failure.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("99999999999999", 86_400.0),
        ("Thu, 01 Jan 99999999999 00:00:00 GMT", 86_400.0),
    ],
)
async def test_retry_after_is_read_from_failures(value: str, seconds: float | None) -> None:
    failure = await failure_of(http("429 Too Many Requests", b"", f"Retry-After: {value}"))
    assert failure.retry_after_s == seconds
    assert failure.message == "OPS responded 429 Too Many Requests"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b'{"reference": ',
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"{}",
        b'{"reference": null}',
        b'{"reference": ""}',
        b'{"reference": true}',
        b'{"reference": {"id": 1}}',
        b'{"reference": "a\\u0000b"}',
        b'{"reference": "' + b"x" * 201 + b'"}',
        b"[" * 100_000,
        b'{"reference": NaN}',
        b'{"reference": "\\ud800"}',
    ],
)
async def test_a_malformed_acceptance_is_retryable(body: bytes) -> None:
    """A retry with the same key is safe, and OPS may have accepted the ticket."""
    failure = await failure_of(http("200 OK", body))
    assert failure.kind is FailureKind.UNAVAILABLE


async def test_an_unknown_status_is_a_failure() -> None:
    failure = await failure_of(http("200 OK", b'{"status": "asleep"}'), method="GET")
    assert failure.kind is FailureKind.UNAVAILABLE


async def test_a_response_is_read_up_to_the_limit() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 3 * MAX_BODY_BYTES
    failure = await failure_of(endless)
    assert str(MAX_BODY_BYTES) in failure.message
    # Only the beginning is kept.
    assert isinstance(failure.response, dict)
    assert failure.response["sizeBytes"] == MAX_BODY_BYTES
    assert str(failure.response["beginning"]).startswith('"xxx')
    assert len(orjson.dumps(failure.response)) <= MAX_RESPONSE_BYTES


async def test_a_large_acceptance_is_read_and_only_its_beginning_is_kept() -> None:
    body = orjson.dumps({"reference": "R-1", "status": "completed", "items": [{}] * 300_000})
    async with answering(http("200 OK", body)) as server, client_of(server.url) as client:
        accepted = await client.submit("{}", key="k", attempt=1)
    assert (accepted.reference, accepted.remote_status) == ("R-1", OpsRemoteStatus.COMPLETED)
    assert isinstance(accepted.response, dict)
    assert accepted.response["sizeBytes"] == len(body)
    assert str(accepted.response["beginning"]).startswith('{"reference":"R-1"')


async def test_a_failure_keeps_no_large_response_in_memory() -> None:
    body = orjson.dumps(["a"] * 260_000)
    async with answering(http("200 OK", body)) as server, client_of(server.url) as client:
        call = client.submit("{}", key="k", attempt=1)
        failure, _ = await timed_call(call, timeout_s=10)
    assert isinstance(failure, OpsFailure)
    assert failure.__traceback__ is None
    assert len(orjson.dumps(failure.response)) <= MAX_RESPONSE_BYTES


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    async with answering(http("200 OK", b'{"reference": "R-1"}')) as elsewhere:
        failure = await failure_of(http("308 X", b"", f"Location: {elsewhere.url}/tickets"))
        assert "redirect" in failure.message
        assert failure.retryable
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_a_broken_connection_is_retryable(answer: bytes | None) -> None:
    assert (await failure_of(answer)).kind is FailureKind.UNAVAILABLE


async def test_a_refused_connection_is_retryable() -> None:
    async with answering(None) as server:
        url = server.url
    async with client_of(url) as client:
        with pytest.raises(OpsFailure) as caught:
            await client.submit("{}", key="k", attempt=1)
    assert caught.value.kind is FailureKind.UNAVAILABLE


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
async def test_a_response_that_does_not_end_is_a_timeout(answer: bytes | None) -> None:
    async with (
        answering(answer, then_hang=True) as server,
        client_of(server.url, timeout_s=0.1) as client,
    ):
        with pytest.raises(OpsFailure) as caught:
            await client.submit("{}", key="k", attempt=1)
    assert caught.value.kind is FailureKind.TIMEOUT


async def test_the_token_is_masked_in_failures() -> None:
    body = orjson.dumps({"error": f"bad credentials {TOKEN}", "seen": {"x": TOKEN}})
    failure = await failure_of(http("403 Forbidden", body))
    assert TOKEN not in str(failure.response)
    assert TOKEN not in failure.message


async def test_the_user_of_the_url_is_sent_and_its_password_is_masked_in_failures() -> None:
    body = orjson.dumps({"error": f"bad password {TOKEN}"})
    async with answering(http("401 X", body)) as server:
        url = server.url.replace("://", f"://me:{TOKEN}@")
        async with client_of(f"{url}/api", token=None) as client:
            with pytest.raises(OpsFailure) as caught:
                await client.submit("{}", key="k", attempt=1)
    expected = b"authorization: basic " + b64encode(f"me:{TOKEN}".encode()).lower()
    assert expected in server.requests[0].lower()
    assert TOKEN not in f"{caught.value.message}{caught.value.response}"


async def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    accepted = http("200 OK", b'{"reference": "R-1"}')
    async with answering(accepted, tls=authority.server_context("127.0.0.1")) as server:
        async with client_of(server.url) as client:
            with pytest.raises(OpsFailure, match="CERTIFICATE_VERIFY_FAILED") as caught:
                await client.submit("{}", key="k", attempt=1)
        assert caught.value.kind is FailureKind.UNAVAILABLE
        assert server.requests == []
        trusted = ssl.create_default_context(cafile=authority.file)
        async with client_of(server.url, verify=trusted) as client:
            assert (await client.submit("{}", key="k", attempt=1)).reference == "R-1"
