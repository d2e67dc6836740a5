"""/tickets and /tickets/{id}."""

from typing import cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from app.http.problem import HttpProblem
from app.rest.entity_tag import ANY, entity_tag, parse_if_match
from app.rest.idempotency import idempotency_key
from app.rest.json_object import read_json_object
from app.rest.listing import bad_parameter, next_link, parse_listing
from app.rest.problems import pointer, ticket_not_found
from app.rest.serializers import json_response, ticket_document
from engine.execution.fallback import load, load_connection
from models import Ticket
from models.ticket import TICKET_FIELDS
from resolvers.context import Context
from resolvers.errors import InvalidInput
from resolvers.tickets.changes import create_ticket, delete_ticket, update_ticket
from resolvers.tickets.queries import find_ticket, find_tickets

__all__ = ["add_ticket", "change_ticket", "list_tickets", "read_ticket", "remove_ticket"]

# What a ticket has but nobody sets. Left out of what is written, so that a client
# may send back a ticket as it has read it; If-Match is for who wants it unchanged.
_READ_ONLY = frozenset(
    name for name, field in TICKET_FIELDS.items() if field.is_read_only and name != "id"
)


async def list_tickets(request: Request, context: Context) -> ASGIApp:
    """Answer a page of tickets, newest first, as a plain array; Link has the next page."""
    listing = parse_listing(request.scope["query_string"])
    try:
        page = find_tickets(
            context, filter=listing.filter, first=listing.limit, after=listing.cursor
        )
    except InvalidInput as error:
        if error.path != ("after",):
            raise
        detail = "cursor must be one that this list has answered; without it the list starts anew."
        raise bad_parameter("cursor", detail) from None
    connection = await load_connection(page)
    headers = {}
    if connection.page_info.has_next_page:
        headers["Link"] = next_link(request, connection.edges[-1].cursor)
    tickets = cast("list[Ticket]", connection.nodes)
    return json_response([ticket_document(ticket) for ticket in tickets], headers=headers)


async def read_ticket(request: Request, context: Context) -> ASGIApp:
    """Answer a ticket, with its version as the ETag."""
    ticket: Ticket | None = await load(find_ticket(context, request.path_params["id"]))
    if ticket is None:
        raise ticket_not_found()
    return json_response(ticket_document(ticket), headers={"ETag": entity_tag(ticket.version)})


async def add_ticket(request: Request, context: Context) -> ASGIApp:
    """Make a ticket; 201, with its place in Location."""
    key = idempotency_key(request)
    fields = _without_read_only(await read_json_object(request))
    ticket = (await create_ticket(context, fields, idempotency_key=key)).instance
    headers = {
        "Location": f"/tickets/{quote(ticket.id, safe='')}",
        "ETag": entity_tag(ticket.version),
    }
    return json_response(ticket_document(ticket), status=201, headers=headers)


async def change_ticket(request: Request, context: Context) -> ASGIApp:
    """Change the fields that are given, and answer the ticket as it is now."""
    id = request.path_params["id"]  # noqa: A001  # the domain's word
    versions = parse_if_match(request.headers.get("If-Match"))
    fields = _without_read_only(await read_json_object(request))
    if fields.pop("id", id) != id:
        detail = "id must be that of the path, or be left out: the id of a ticket never changes."
        error = {"detail": detail, "code": "INVALID", "pointer": pointer("id")}
        raise HttpProblem(422, "INVALID", detail, errors=[error])
    expected = await _expected_version(context, id, versions)
    ticket = (await update_ticket(context, id, fields, expected_version=expected)).instance
    return json_response(ticket_document(ticket), headers={"ETag": entity_tag(ticket.version)})


async def remove_ticket(request: Request, context: Context) -> ASGIApp:
    """Delete a ticket; 204."""
    id = request.path_params["id"]  # noqa: A001  # the domain's word
    versions = parse_if_match(request.headers.get("If-Match"))
    expected = await _expected_version(context, id, versions)
    await delete_ticket(context, id, expected_version=expected)
    return Response(status_code=204)


def _without_read_only(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name not in _READ_ONLY}


async def _expected_version(
    context: Context, id: str, versions: frozenset[int] | None
) -> int | None:
    """Return the one version to ask for; the resolver looks at it again under the ticket's lock."""
    if versions is ANY:
        return None
    if len(versions) == 1:
        [version] = versions
        return version
    # Of several, the one that the ticket has; where it has none of them, or no tag was
    # a version, any that it has not.
    ticket: Ticket | None = await load(find_ticket(context, id))
    if ticket is not None and ticket.version in versions:
        return ticket.version
    return min(versions, default=0)
