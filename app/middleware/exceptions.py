"""What becomes of an exception: the one place where failures turn into HTTP answers."""

import logging
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.problem import HttpProblem, problem_response, service_unavailable
from app.http.request_record import record_of
from engine.database.errors import is_unavailable

__all__ = ["ExceptionMiddleware"]

_logger = logging.getLogger(__name__)


class ExceptionMiddleware:
    """Answers for what was raised beneath: a problem as itself, the unexpected as a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            record_of(scope).error_codes = ("CLIENT_GONE",)
        except Exception as error:  # noqa: BLE001  # nothing of ours may reach the client
            record = record_of(scope)
            problem = _problem(error, request_id=record.request_id)
            if record.status:
                # The answer has begun. The server closes the connection, so that no
                # client takes the half for the whole.
                record.error_codes = (problem.code,)
                return
            await problem_response(problem, scope)(scope, receive, send)


def _problem(error: Exception, *, request_id: str) -> HttpProblem:
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, HTTPException):
        return _of_the_router(error)
    fields = {"fields": {"request_id": request_id}}
    if is_unavailable(error):
        name = type(error.__cause__ or error).__name__
        _logger.warning("the database is away: %s", name, extra=fields)
        return service_unavailable("The database did not answer. Try again.")
    _logger.error("unexpected exception", exc_info=error, extra=fields)
    return HttpProblem(500, "INTERNAL")


def _of_the_router(error: HTTPException) -> HttpProblem:
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this path.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This path knows only the methods that Allow names.",
    }
    return HttpProblem(
        status.value, status.name, details.get(status, error.detail), headers=error.headers
    )
