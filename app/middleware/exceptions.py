"""Turn exceptions into problem documents."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.failure import report_failure
from app.http.problem import HttpProblem, problem_response, service_unavailable
from app.http.request_record import record_of, unknown_address

__all__ = ["ExceptionMiddleware"]


class ExceptionMiddleware:
    """Respond to HttpProblem and routing errors, and hide the details of all other exceptions."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            record_of(scope).error_codes = ("CLIENT_GONE",)
        except Exception as error:  # noqa: BLE001  # internal details must not reach the client
            response = _response(error, scope)
            if response is not None:
                await response(scope, receive, send)


def _response(error: Exception, scope: Scope) -> ASGIApp | None:
    """Return the response for an exception; None if another response has begun.

    The problem can be the exception, whose traceback has the frame of the caller. There it would be
    part of a reference cycle with everything that the request has used.
    """
    record = record_of(scope)
    problem = _problem(error, scope, request_id=record.request_id)
    if record.status:
        # The response has begun, so it cannot become an error. The server closes the connection,
        # which shows the client that the response is incomplete.
        record.error_codes = (problem.code,)
        return None
    return problem_response(problem, scope)


def _problem(error: Exception, scope: Scope, *, request_id: str) -> HttpProblem:
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, HTTPException):
        return _routing_problem(error, scope)
    failure = report_failure(error, request_id=request_id, unknown_address=unknown_address(scope))
    if failure.code == "SERVICE_UNAVAILABLE":
        return service_unavailable(failure.message)
    return HttpProblem(504 if failure.code == "TIMEOUT" else 500, failure.code, failure.message)


def _routing_problem(error: HTTPException, scope: Scope) -> HttpProblem:
    """Convert an exception of Starlette's router."""
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if status is HTTPStatus.NOT_FOUND:
        detail = "This path does not exist. Check the URL."
        if len(scope["path"]) > 1 and scope["path"].endswith("/"):
            detail += " It may not end with a slash."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"Method {scope['method']} is not allowed here. Allowed: {allowed}."
    return HttpProblem(status.value, status.name, detail, headers=error.headers)
