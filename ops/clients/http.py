"""The real OPS, spoken to over HTTP.

    POST {url}/tickets              a ticket, under an Idempotency-Key
    GET  {url}/tickets/{reference}  how far it is

Both answer with a JSON object of ``reference`` and ``status``. What may pass is an
answer of 408, 409 (the key is just being worked on), 425, 429 or 5xx, no answer,
and one that makes no sense; other answers of 4xx are refusals for good.
"""

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
import orjson

from models import OpsRemoteStatus
from models.ops_delivery import REFERENCE_MAX_LENGTH
from ops.clients.protocol import Accepted, FailureKind, Json, OpsFailure, StatusReport
from ops.clients.redaction import MASK

__all__ = ["ATTEMPT_HEADER", "KEY_HEADER", "HttpOps"]

# draft-ietf-httpapi-idempotency-key-header
KEY_HEADER = "Idempotency-Key"
ATTEMPT_HEADER = "X-Delivery-Attempt"
MAX_ANSWER_BYTES = 1_048_576
MAX_CONNECTIONS = 100

_MAY_PASS = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
# A shorter one could stand anywhere in an answer by chance.
_MIN_MASKED_TOKEN = 6


class HttpOps:
    """An OpsClient over a pool of connections; ``verify`` is for an OPS with a CA of its own."""

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
        self._token = token
        self._now = now
        # Plain bytes: a small compressed answer can be a large one.
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
        """Post a ticket under its key."""
        headers = {
            "Content-Type": "application/json",
            KEY_HEADER: key,
            ATTEMPT_HEADER: str(attempt),
        }
        answer = await self._ask("POST", self._tickets_url, content=payload, headers=headers)
        reference, status = _reference_of(answer), _status_of(answer)
        # What OPS has, it has, even if it says so in words that we do not know.
        return Accepted(reference, status or OpsRemoteStatus.RECEIVED, answer)

    async def status(self, reference: str) -> StatusReport:
        """Get what OPS says of a ticket."""
        answer = await self._ask("GET", f"{self._tickets_url}/{quote(reference, safe='')}")
        status = _status_of(answer)
        if status is None:
            raise _nonsense("OPS answered with a status that we do not know", answer)
        return StatusReport(reference, status, answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Json]:
        try:
            async with self._http.stream(method, url, **request) as response:
                content, is_whole = await _read(response)
        except httpx2.TimeoutException as error:
            message = f"OPS did not answer in time ({type(error).__name__})"
            raise OpsFailure(FailureKind.TIMEOUT, message) from error
        except httpx2.HTTPError as error:
            message = self._masked(f"OPS could not be reached ({type(error).__name__}: {error})")
            raise OpsFailure(FailureKind.UNAVAILABLE, message) from error
        text = self._masked(content.decode(errors="replace"))
        answer = _parsed(text) if is_whole else text
        if not response.is_success:
            raise self._refusal(response, answer)
        if not is_whole:
            raise _nonsense(f"OPS answered with more than {MAX_ANSWER_BYTES} bytes", answer)
        if not isinstance(answer, dict):
            raise _nonsense("OPS answered with something else than a JSON object", answer)
        return answer

    def _refusal(self, response: httpx2.Response, answer: Json) -> OpsFailure:
        status = response.status_code
        if status in _MAY_PASS or not 400 <= status < 500:  # noqa: PLR2004  # client errors
            kind = FailureKind.UNAVAILABLE
        elif status == HTTPStatus.NOT_FOUND and response.request.method == "GET":
            kind = FailureKind.NOT_FOUND
        else:
            kind = FailureKind.REJECTED
        message = f"OPS answered {status} {response.reason_phrase}".rstrip()
        if response.is_redirect:
            message += ", a redirect, which is not followed"
        return OpsFailure(
            kind,
            self._masked(message),
            response={"httpStatus": status, "body": answer},
            retry_after_s=_retry_after_s(response.headers.get("Retry-After"), self._now()),
        )

    def _masked(self, text: str) -> str:
        if self._token is None or len(self._token) < _MIN_MASKED_TOKEN:
            return text
        return text.replace(self._token, MASK)


async def _read(response: httpx2.Response) -> tuple[bytes, bool]:
    """Return an answer's body, or its beginning where it is larger than we take."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            return bytes(content[:MAX_ANSWER_BYTES]), False
    return bytes(content), True


def _parsed(text: str) -> Json:
    try:
        parsed: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return parsed


def _reference_of(answer: dict[str, Json]) -> str:
    reference = answer.get("reference")
    if isinstance(reference, int) and not isinstance(reference, bool):
        reference = str(reference)
    if not isinstance(reference, str) or not 0 < len(reference) <= REFERENCE_MAX_LENGTH:
        raise _nonsense("OPS answered without a reference that we could keep", answer)
    if not reference.isprintable():
        raise _nonsense("OPS answered with a reference of unprintable characters", answer)
    return reference


def _status_of(answer: dict[str, Json]) -> OpsRemoteStatus | None:
    try:
        return OpsRemoteStatus(str(answer.get("status")).lower())
    except ValueError:
        return None


def _nonsense(message: str, answer: Json) -> OpsFailure:
    return OpsFailure(FailureKind.UNAVAILABLE, message, response=answer)


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110, section 10.2.3), or None where it has none."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max((then - now).total_seconds(), 0.0)
