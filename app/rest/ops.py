"""Handlers of ``/api/ops/{id}`` and ``/api/status/{id}``: send a ticket to OPS, get its status."""

from starlette.requests import Request
from starlette.types import ASGIApp

from app.http.problem import HttpProblem
from app.rest.idempotency import idempotency_key
from app.rest.problems import problem_of, retry_after
from app.rest.request_body import require_empty_body
from app.rest.serializers import (
    JsonObject,
    json_response,
    serialize_delivery,
    serialize_log_entry,
)
from models import OpsState
from resolvers.context import Context
from resolvers.deliveries import ops_status, send_to_ops
from resolvers.errors import ErrorCode, OpsRequestFailed

__all__ = ["get_status", "send_ticket"]


async def send_ticket(request: Request, context: Context) -> ASGIApp:
    """Send a ticket to OPS: 200 if OPS accepts it, 202 while its delivery is pending.

    422 if OPS rejects the ticket, 503 if the last attempt fails. Both contain the delivery
    and the log entry of this attempt.
    """
    key = idempotency_key(request)
    await require_empty_body(request)
    sent = await send_to_ops(context, request.path_params["id"], idempotency_key=key)
    content: JsonObject = {
        "ticket_id": sent.ticket.id,
        "ops_state": sent.delivery.state,
        "delivery": serialize_delivery(sent.delivery),
        "log_entry": serialize_log_entry(sent.log_entry),
    }
    if sent.delivery.state is OpsState.PENDING:
        headers = {}
        if sent.error is not None:
            content["problem"] = _serialize_failure(sent.error)
            headers["Retry-After"] = retry_after(sent.error)
        return json_response(content, status=202, headers=headers)
    if sent.error is not None:
        raise problem_of(sent.error, content)
    if sent.delivery.state is not OpsState.DELIVERED:
        # An earlier request with this idempotency key created the delivery.
        detail = f"The delivery of this idempotency key is {sent.delivery.state}. Use a new key."
        raise HttpProblem(409, ErrorCode.INVALID_STATE.name, detail, members=content)
    return json_response(content)


async def get_status(request: Request, context: Context) -> ASGIApp:
    """Get the status of a ticket from OPS: 409 if OPS has not accepted it, 503 if OPS fails."""
    status = await ops_status(context, request.path_params["id"])
    content = {
        "ticket_id": status.ticket.id,
        "status": status.status,
        "reference": status.reference,
        "checked_at": status.checked_at,
        "log_entry": serialize_log_entry(status.log_entry),
    }
    if status.error is not None:
        del content["status"]
        raise problem_of(status.error, content)
    return json_response(content)


def _serialize_failure(error: OpsRequestFailed) -> JsonObject:
    return {
        "code": error.code.name,
        "detail": error.message,
        "retryable": error.retryable,
        "retry_after_ms": error.retry_after_ms,
    }
