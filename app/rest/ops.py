"""/api/ops/{id} and /api/status/{id}: a ticket sent to OPS, and how far it is there."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from app.http.problem import HttpProblem
from app.rest.idempotency import idempotency_key
from app.rest.json_object import read_no_fields
from app.rest.problems import problem_of, retry_after
from app.rest.serializers import delivery_document, json_response, log_entry_document
from models import OpsState
from resolvers.context import Context
from resolvers.deliveries import ops_status, send_to_ops
from resolvers.errors import ErrorCode, OpsRequestFailed

__all__ = ["ask_status", "send"]


async def send(request: Request, context: Context) -> ASGIApp:
    """Send a ticket to OPS: 200 once OPS has it, 202 while that is still being tried.

    What OPS refuses for good is 422; what was given up is 503. Either way the
    delivery and the log entry of this attempt are in the answer.
    """
    key = idempotency_key(request)
    await read_no_fields(request)
    sent = await send_to_ops(context, request.path_params["id"], idempotency_key=key)
    answer: dict[str, Any] = {
        "ticket_id": sent.ticket.id,
        "ops_state": sent.delivery.state,
        "delivery": delivery_document(sent.delivery),
        "log_entry": log_entry_document(sent.log_entry),
    }
    if sent.delivery.state is OpsState.PENDING:
        headers = {}
        if sent.error is not None:
            answer["problem"] = _told(sent.error)
            headers["Retry-After"] = retry_after(sent.error)
        return json_response(answer, status=202, headers=headers)
    if sent.error is not None:
        raise problem_of(sent.error, **answer)
    if sent.delivery.state is not OpsState.DELIVERED:
        # The Idempotency-Key is that of an earlier call, and it is known how that ended.
        detail = f"The delivery that was made for this key is {sent.delivery.state}."
        raise HttpProblem(409, ErrorCode.INVALID_STATE.name, detail, members=answer)
    return json_response(answer)


async def ask_status(request: Request, context: Context) -> ASGIApp:
    """Ask OPS how far a ticket is; 409 where OPS never got it, 503 where OPS gives no answer."""
    told = await ops_status(context, request.path_params["id"])
    answer = {
        "ticket_id": told.ticket.id,
        "status": told.status,
        "reference": told.reference,
        "checked_at": told.checked_at,
        "log_entry": log_entry_document(told.log_entry),
    }
    if told.error is not None:
        del answer["status"]
        raise problem_of(told.error, **answer)
    return json_response(answer)


def _told(error: OpsRequestFailed) -> dict[str, Any]:
    return {
        "code": error.code.name,
        "detail": error.message,
        "retryable": error.retryable,
        "retry_after_ms": error.retry_after_ms,
    }
