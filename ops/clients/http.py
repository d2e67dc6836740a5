"""HTTP client of OPS.

    POST {url}/tickets              submit a ticket under an Idempotency-Key
    GET  {url}/tickets/{reference}  read its status

Both respond with a JSON object that has ``reference`` and ``status``. Retryable
failures are: the statuses 408, 409 (a request with this key is in progress), 425, 429, 3xx and
5xx, a missing response, and a malformed one. Every other 4xx is a final rejection.
The protocol is specified in docs/reference/ops-protocol.md.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
import orjson

from engine.long_work import pause
from models import OpsRemoteStatus
from models.ops_delivery import REFERENCE_MAX_LENGTH
from ops.clients.protocol import Accepted, FailureKind, Json, OpsFailure, StatusReport
from ops.clients.redaction import MASK, cut
from ops.clients.response_body import read_body
from ops.clients.retry_after import http_date, retry_after_s

__all__ = ["ATTEMPT_HEADER", "KEY_HEADER", "HttpOps"]

# draft-ietf-httpapi-idempotency-key-header-08
KEY_HEADER = "Idempotency-Key"
ATTEMPT_HEADER = "X-Delivery-Attempt"
MAX_CONNECTIONS = 100
# A response of more characters is parsed in a turn of its own.
_LARGE = 4_096

_RETRYABLE_STATUSES = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
# A shorter secret could occur in a response by chance.
_MIN_MASKED_SECRET = 6
# Clients and servers remove these segments from a path, however they are encoded (RFC 3986,
# sections 5.2.4 and 6.2.2), so that the request would be for another resource.
_DOT_SEGMENTS = (".", "..")


@dataclass(frozen=True, slots=True)
class _Answer:
    """The fields that are read from the JSON object of a response, and the response for the log."""

    has_reference: bool
    reference: Json
    status: OpsRemoteStatus | None
    response: Json


class HttpOps:
    """An OpsClient with a connection pool. Set ``verify`` if OPS uses a private CA.

    A user in the URL authenticates instead of a token (HTTP Basic).
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        timeout_s: float,
        verify: ssl.SSLContext | bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tickets_url = url.rstrip("/") + "/tickets"
        self._secrets = [
            secret
            for secret in (token, httpx2.URL(url).password)
            if secret is not None and len(secret) >= _MIN_MASKED_SECRET
        ]
        self._now = now
        # Ask for no compression. A compressed response is read all the same.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.AsyncClient(
            headers=headers,
            timeout=timeout_s,
            verify=verify,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            # A redirect could carry the ticket and the token to another host.
            follow_redirects=False,
            trust_env=False,
        )

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Submit a ticket under its idempotency key."""
        headers = {
            "Content-Type": "application/json",
            KEY_HEADER: key,
            ATTEMPT_HEADER: str(attempt),
        }
        answer = await self._request("POST", self._tickets_url, content=payload, headers=headers)
        reference = _reference_of(answer)
        # OPS has accepted the ticket even if its status is one that we do not know.
        return Accepted(reference, answer.status or OpsRemoteStatus.RECEIVED, answer.response)

    async def status(self, reference: str) -> StatusReport:
        """Return the status of an accepted ticket."""
        if reference in _DOT_SEGMENTS:
            message = f"a request cannot contain the reference {reference!r}"
            raise OpsFailure(FailureKind.REJECTED, message)
        answer = await self._request("GET", f"{self._tickets_url}/{quote(reference, safe='')}")
        if answer.has_reference and str(answer.reference) != reference:
            raise _malformed("OPS responded about another reference", answer.response)
        if answer.status is None:
            raise _malformed("OPS responded with an unknown status", answer.response)
        return StatusReport(reference, answer.status, answer.response)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _request(self, method: str, url: str, **request: Any) -> _Answer:
        """Send a request and return the answer of a successful response."""
        try:
            async with self._http.stream(method, url, **request) as response:
                content = await read_body(response)
        except httpx2.TimeoutException as error:
            message = f"OPS did not respond in time ({type(error).__name__})"
            raise OpsFailure(FailureKind.TIMEOUT, message) from error
        except httpx2.HTTPError as error:
            message = self._masked(f"cannot reach OPS ({type(error).__name__}: {error})")
            raise OpsFailure(FailureKind.UNAVAILABLE, message) from error
        if len(content.text) > _LARGE:
            await pause()
        text = self._masked(content.text)
        body = text if content.problem else _parsed(text)
        logged = cut(body, size_bytes=len(text.encode()))
        if not response.is_success:
            raise self._error_of(response, logged)
        if content.problem:
            raise _malformed(content.problem, logged)
        if not isinstance(body, dict):
            raise _malformed("the response of OPS is not a JSON object", logged)
        return _Answer(
            "reference" in body, body.get("reference"), _status_of(body.get("status")), logged
        )

    def _error_of(self, response: httpx2.Response, body: Json) -> OpsFailure:
        """Return the failure for a response with an error status."""
        status = response.status_code
        if status in _RETRYABLE_STATUSES or not 400 <= status < 500:  # noqa: PLR2004  # the range of client errors
            kind = FailureKind.UNAVAILABLE
        elif status == HTTPStatus.NOT_FOUND and response.request.method == "GET":
            kind = FailureKind.NOT_FOUND
        else:
            kind = FailureKind.REJECTED
        message = f"OPS responded {status} {response.reason_phrase}".rstrip()
        if response.is_redirect:
            message += "; redirects are not followed"
        return OpsFailure(
            kind,
            self._masked(message),
            response={"httpStatus": status, "body": body},
            retry_after_s=self._retry_after_s(response),
        )

    def _retry_after_s(self, response: httpx2.Response) -> float | None:
        """Return the seconds to wait; a date is compared with the Date of the response."""
        now = http_date(response.headers.get("Date", "")) or self._now()
        return retry_after_s(response.headers.get("Retry-After"), now)

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


def _parsed(text: str) -> Json:
    try:
        parsed: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return parsed


def _reference_of(answer: _Answer) -> str:
    reference, response = answer.reference, answer.response
    if isinstance(reference, int) and not isinstance(reference, bool):
        reference = str(reference)
    if not isinstance(reference, str) or not 0 < len(reference) <= REFERENCE_MAX_LENGTH:
        raise _malformed("OPS responded without a usable reference", response)
    if reference in _DOT_SEGMENTS:
        raise _malformed(f"OPS responded with the reference {reference!r}", response)
    if not reference.isprintable():
        raise _malformed("the reference of OPS has unprintable characters", response)
    return reference


def _status_of(status: Json) -> OpsRemoteStatus | None:
    try:
        return OpsRemoteStatus(status.lower()) if isinstance(status, str) else None
    except ValueError:
        return None


def _malformed(message: str, body: Json) -> OpsFailure:
    return OpsFailure(FailureKind.UNAVAILABLE, message, response=body)
