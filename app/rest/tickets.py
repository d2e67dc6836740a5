"""Handlers of ``/tickets`` and ``/tickets/{id}``."""

from typing import cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from app.http.body import LARGE_BYTES
from app.http.problem import HttpProblem
from app.rest.idempotency import idempotency_key
from app.rest.listing import invalid_parameter, next_link, parse_listing
from app.rest.preconditions import Preconditions, entity_tag, read_preconditions
from app.rest.problems import pointer, ticket_not_found
from app.rest.request_body import read_json_object
from app.rest.serializers import json_response, serialize_ticket
from engine.database.memory_grants import ReadTooLarge, counting_memory
from engine.execution.fallback import load, load_connection
from engine.long_work import pause
from engine.projection.response_size import max_read_bytes
from models import Ticket
from models.ticket import TICKET_FIELDS
from resolvers.context import Context
from resolvers.errors import InvalidInput
from resolvers.tickets import changes
from resolvers.tickets.queries import find_ticket, find_tickets

__all__ = [
    "READ_ONLY_FIELDS",
    "create_ticket",
    "delete_ticket",
    "get_ticket",
    "list_tickets",
    "update_ticket",
]

# Ignored in request bodies, so that a client can send back a ticket that it has read.
READ_ONLY_FIELDS = frozenset(
    name for name, field in TICKET_FIELDS.items() if field.is_read_only and name != "id"
)


async def list_tickets(request: Request, context: Context) -> ASGIApp:
    """Respond with an array of tickets, newest first; Link has the next page."""
    query = request.scope["query_string"]
    if len(query) > LARGE_BYTES:
        await pause()
    listing = parse_listing(query)
    try:
        page = find_tickets(
            context, filter=listing.filter, first=listing.limit, after=listing.cursor
        )
    except InvalidInput as error:
        if error.path != ("after",):
            raise
        detail = "cursor must come from a Link header of this list. Start without a cursor."
        raise invalid_parameter("cursor", detail) from None
    max_bytes: int = request.scope["state"]["settings"].max_answer_bytes
    try:
        with counting_memory(max_bytes=max_read_bytes(max_bytes)):
            connection = await load_connection(page)
    except ReadTooLarge:
        raise _too_large(max_bytes) from None
    headers = {}
    if connection.page_info.has_next_page:
        headers["Link"] = next_link(request, connection.edges[-1].cursor)
    tickets = cast("list[Ticket]", connection.nodes)
    # Before the bodies of a hundred tickets are encoded; exactly afterwards.
    if sum(len(ticket.description) + len(ticket.metadata or "") for ticket in tickets) > max_bytes:
        raise _too_large(max_bytes)
    response = json_response([serialize_ticket(ticket) for ticket in tickets], headers=headers)
    if len(response.body) > max_bytes:
        raise _too_large(max_bytes)
    return response


def _too_large(max_bytes: int) -> HttpProblem:
    detail = (
        f"The answer is larger than {max_bytes:,} bytes (MAX_ANSWER_BYTES): description and"
        " metadata weigh most. Lower limit."
    )
    return HttpProblem(400, "RESPONSE_TOO_LARGE", detail)


async def get_ticket(request: Request, context: Context) -> ASGIApp:
    """Respond with a ticket, with its version as the ETag; 304 if the client has this version."""
    conditions = read_preconditions(request)
    ticket: Ticket | None = await load(find_ticket(context, request.path_params["id"]))
    if ticket is None:
        raise ticket_not_found()
    headers = {"ETag": entity_tag(ticket.version)}
    if not conditions.check_for_read(ticket):
        return Response(status_code=304, headers=headers)
    return json_response(serialize_ticket(ticket), headers=headers)


async def create_ticket(request: Request, context: Context) -> ASGIApp:
    """Create a ticket; respond 201 with its URL in Location."""
    key = idempotency_key(request)
    fields = _without_read_only(await read_json_object(request))
    ticket = (await changes.create_ticket(context, fields, idempotency_key=key)).instance
    headers = {
        "Location": f"/tickets/{quote(ticket.id, safe='')}",
        "ETag": entity_tag(ticket.version),
    }
    return json_response(serialize_ticket(ticket), status=201, headers=headers)


async def update_ticket(request: Request, context: Context) -> ASGIApp:
    """Update the fields in the body, and respond with the ticket."""
    id = request.path_params["id"]  # noqa: A001  # the domain's word
    conditions = read_preconditions(request)
    fields = _without_read_only(await read_json_object(request))
    if fields.pop("id", id) != id:
        detail = "id must be the id in the path or left out, because the id of a ticket is fixed."
        error = {"detail": detail, "code": "INVALID", "pointer": pointer("id")}
        raise HttpProblem(422, "INVALID", detail, errors=[error])
    expected = await _expected_version(context, id, conditions)
    changed = await changes.update_ticket(context, id, fields, expected_version=expected)
    ticket = changed.instance
    return json_response(serialize_ticket(ticket), headers={"ETag": entity_tag(ticket.version)})


async def delete_ticket(request: Request, context: Context) -> ASGIApp:
    """Delete a ticket; respond 204."""
    id = request.path_params["id"]  # noqa: A001  # the domain's word
    conditions = read_preconditions(request)
    expected = await _expected_version(context, id, conditions)
    await changes.delete_ticket(context, id, expected_version=expected)
    return Response(status_code=204)


def _without_read_only(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name not in READ_ONLY_FIELDS}


async def _expected_version(context: Context, id: str, conditions: Preconditions) -> int | None:
    """Return the version to require, or None for any; raises Conflict.

    The resolver takes one version and compares it while it holds the ticket's lock. Conditions
    that name several, or exclude some, are checked for the current version, which is then required.
    """
    if conditions.accept_any:
        return None
    if (version := conditions.single_version) is not None:
        return version
    ticket: Ticket | None = await load(find_ticket(context, id))
    if ticket is None:
        raise ticket_not_found()
    conditions.check_for_change(ticket)
    return ticket.version
