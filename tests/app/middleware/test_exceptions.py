"""Failures of the server: what the client receives and what the log records."""

import io
import json
from typing import Any

import asyncpg
import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from tortoise.exceptions import OperationalError

from app.config.logs import configure_logs
from app.http.problem import HttpProblem
from app.middleware.exceptions import ExceptionMiddleware
from app.middleware.request import RequestMiddleware
from engine.database.errors import DatabaseUnavailable

pytestmark = pytest.mark.usefixtures("restored_logging", "outage")


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level="info", log_format="json", stream=stream)
    return stream


async def ask(app: ASGIApp) -> httpx2.Response:
    transport = httpx2.ASGITransport(RequestMiddleware(ExceptionMiddleware(app)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/somewhere?q=customer")


def raising(error: Exception) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    return app


def events(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_an_unexpected_exception_reveals_only_the_request_id(log: io.StringIO) -> None:
    response = await ask(raising(RuntimeError("the password is s3cret")))
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    request_id = response.headers["X-Request-Id"]
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "INTERNAL",
        "request_id": request_id,
        "detail": f"Internal server error. Report request id {request_id}.",
        "instance": "/somewhere",
    }
    failure, line = events(log)
    assert failure["level"] == line["level"] == "error"
    assert failure["request_id"] == line["request_id"] == request_id
    assert failure["exception"].startswith("Traceback")
    assert failure["exception"].endswith("RuntimeError: the password is s3cret")
    assert line["error_codes"] == ["INTERNAL"]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("10.0.0.7:5432"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        DatabaseUnavailable("no connection became free"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_unavailable_database_is_503_with_retry_after(
    log: io.StringIO, error: Exception
) -> None:
    response = await ask(raising(error))
    assert response.status_code == 503
    assert response.json()["code"] == "SERVICE_UNAVAILABLE"
    assert int(response.headers["Retry-After"]) >= 1
    assert str(error) not in response.text
    warning, line = events(log)
    assert warning["level"] == "warning"
    assert line["error_codes"] == ["SERVICE_UNAVAILABLE"]


async def test_a_wrapped_database_error_is_classified_by_its_cause(log: io.StringIO) -> None:
    error = OperationalError("away")
    error.__cause__ = asyncpg.AdminShutdownError("terminating connection")
    assert (await ask(raising(error))).status_code == 503
    error.__cause__ = asyncpg.DataError("wrong")
    assert (await ask(raising(error))).status_code == 500
    assert log.getvalue()


async def test_a_problem_is_rendered_unchanged(log: io.StringIO) -> None:
    problem = HttpProblem(
        409, "TAKEN", "It is taken.", headers={"ETag": '"1"'}, members={"current": {"id": "a"}}
    )
    response = await ask(raising(problem))
    assert response.status_code == 409
    assert response.headers["ETag"] == '"1"'
    assert response.json()["title"] == "Conflict"
    assert response.json()["instance"] == "/somewhere"
    assert response.json()["current"] == {"id": "a"}
    [line] = events(log)
    assert line["level"] == "info"


async def test_titles_follow_rfc_9110_on_every_python(log: io.StringIO) -> None:
    for status, title in {413: "Content Too Large", 422: "Unprocessable Content"}.items():
        response = await ask(raising(HttpProblem(status, "CODE", "Detail.")))
        assert response.json()["title"] == title
    response = await ask(raising(HTTPException(404)))
    assert response.json()["title"] == "Not Found"
    assert log.getvalue()


async def test_a_response_that_has_begun_is_not_replaced_by_an_error(log: io.StringIO) -> None:
    sent = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("in the middle")

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await RequestMiddleware(ExceptionMiddleware(app))(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body"]
    failure, line = events(log)
    assert "in the middle" in failure["exception"]
    assert line["status"] == 200
    assert line["error_codes"] == ["INTERNAL"]
