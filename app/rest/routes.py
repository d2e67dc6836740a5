"""All REST resources with their operations."""

from app.rest.operation import Operation, Success
from app.rest.ops import get_status, send_ticket
from app.rest.resource import Resource
from app.rest.tickets import create_ticket, delete_ticket, get_ticket, list_tickets, update_ticket
from schema.access import OPS, READ, WRITE

__all__ = ["REST_ROUTES"]

_INVALID_BODY = ("REQUIRED", "INVALID", "TOO_LONG")
_UNCHANGED = Success("The client has this version already.", headers=("ETag",))
_CONDITIONAL = (
    "`If-Match` with the `ETag` that the client has read prevents it from overwriting or deleting"
    " a version that it has not seen."
)

REST_ROUTES = (
    Resource(
        "/tickets",
        GET=Operation(
            "listTickets",
            READ,
            list_tickets,
            "List tickets, newest first",
            {200: Success("One page of tickets.", "TicketList", headers=("Link",))},
            description="Filters are combined with AND. A parameter without a value is ignored.",
            problems={400: ("INVALID", "TOO_LONG", "RESPONSE_TOO_LARGE")},
            has_list_query=True,
        ),
        POST=Operation(
            "createTicket",
            WRITE,
            create_ticket,
            "Create a ticket",
            {201: Success("The new ticket.", "Ticket", headers=("Location", "ETag"))},
            description="Read-only fields in the body are ignored.",
            problems={
                400: ("INVALID", "INVALID_JSON"),
                # NOT_FOUND: the ticket that was created with the idempotency key is deleted.
                409: ("ALREADY_EXISTS", "INVALID_STATE", "NOT_FOUND"),
                422: (*_INVALID_BODY, "IDEMPOTENCY_KEY_REUSED"),
            },
            body="NewTicket",
            headers=("Idempotency-Key",),
        ),
    ),
    Resource(
        "/tickets/{id}",
        GET=Operation(
            "getTicket",
            READ,
            get_ticket,
            "Get a ticket",
            {200: Success("The ticket.", "Ticket", headers=("ETag",)), 304: _UNCHANGED},
            description="`If-None-Match` with the `ETag` of the version that the client has saves"
            " the body if the ticket is unchanged.",
            problems={400: ("INVALID",), 412: ("VERSION_CONFLICT",)},
            headers=("If-Match", "If-None-Match"),
        ),
        PUT=Operation(
            "updateTicket",
            WRITE,
            update_ticket,
            "Update fields of a ticket",
            {200: Success("The updated ticket.", "Ticket", headers=("ETag",))},
            description="Absent fields keep their value. Read-only fields in the body are ignored,"
            " and fields that do not change are not checked, so a client can send back a ticket"
            f" that it has read. {_CONDITIONAL}",
            problems={
                400: ("INVALID", "INVALID_JSON"),
                409: ("INVALID_STATE",),
                412: ("VERSION_CONFLICT",),
                422: _INVALID_BODY,
            },
            body="TicketChanges",
            headers=("If-Match", "If-None-Match"),
        ),
        DELETE=Operation(
            "deleteTicket",
            WRITE,
            delete_ticket,
            "Delete a ticket",
            {204: Success("The ticket is deleted.")},
            description="A pending delivery is cancelled. The history and the log entries of the"
            f" ticket remain. {_CONDITIONAL}",
            problems={
                400: ("INVALID",),
                409: ("INVALID_STATE",),
                412: ("VERSION_CONFLICT",),
                422: ("INVALID",),
            },
            headers=("If-Match", "If-None-Match"),
        ),
    ),
    Resource(
        "/api/ops/{id}",
        POST=Operation(
            "sendToOps",
            OPS,
            send_ticket,
            "Send a ticket to OPS",
            {
                200: Success("OPS has accepted the ticket.", "Sent"),
                202: Success(
                    "The delivery is pending and is retried in the background. `problem` is the"
                    " failure of this request's attempt.",
                    "Sent",
                    headers=("Retry-After",),
                ),
            },
            description="If a delivery of the ticket is pending, that delivery is returned and no"
            " further attempt is made.",
            problems={
                400: ("INVALID", "INVALID_JSON"),
                409: ("INVALID_STATE",),
                422: ("INVALID", "IDEMPOTENCY_KEY_REUSED", "OPS_REJECTED"),
                503: ("OPS_UNAVAILABLE", "OPS_TIMEOUT"),
            },
            body="Empty",
            is_body_required=False,
            headers=("Idempotency-Key",),
        ),
    ),
    # GET has an effect here, a log entry, so pages of other sites must not cause it.
    Resource(
        "/api/status/{id}",
        GET=Operation(
            "getOpsStatus",
            OPS,
            get_status,
            "Get the status of a ticket from OPS",
            {200: Success("The status that OPS reports.", "OpsStatus")},
            description="Calls OPS and writes a log entry.",
            problems={
                409: ("INVALID_STATE", "NOT_SENT"),
                422: ("INVALID", "OPS_REJECTED"),
                503: ("OPS_UNAVAILABLE", "OPS_TIMEOUT", "OPS_CIRCUIT_OPEN"),
            },
        ),
        is_safe=False,
    ),
)
