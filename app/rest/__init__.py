"""REST: the surface of the former service, for its clients, over the resolvers that GraphQL has.

The names of fields are those of the columns, values are as they are stored, and
what goes wrong is a problem document (RFC 9457). Whatever cannot be read as a
request is 400 (path, query, header, JSON); what can be read but not be done as
asked is 422, with a pointer to each field that is wrong.
"""

from app.rest.ops import ask_status, send
from app.rest.resource import Resource
from app.rest.tickets import (
    add_ticket,
    change_ticket,
    list_tickets,
    read_ticket,
    remove_ticket,
)
from schema.access import OPS, READ, WRITE

__all__ = ["REST_ROUTES"]

REST_ROUTES = (
    Resource("/tickets", GET=(READ, list_tickets), POST=(WRITE, add_ticket)),
    Resource(
        "/tickets/{id}",
        GET=(READ, read_ticket),
        PUT=(WRITE, change_ticket),
        DELETE=(WRITE, remove_ticket),
    ),
    Resource("/api/ops/{id}", POST=(OPS, send)),
    # It has an effect, the entry in the log, so a page from elsewhere may not cause it.
    Resource("/api/status/{id}", GET=(OPS, ask_status), safe=False),
)
