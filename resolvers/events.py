"""Changes of tickets, listed."""

from typing import Unpack

from engine.sql.expressions import Sql
from engine.sql.queries import Page
from resolvers.context import Context
from resolvers.pages import PageArguments, page_of
from resolvers.tables import EVENTS, NEWEST_EVENT_FIRST


def find_history(
    context: Context,  # noqa: ARG001  # one signature for all
    ticket_id: str,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of a ticket's changes, newest first."""
    return page_of(EVENTS, NEWEST_EVENT_FIRST, Sql('"ticket_id" = $?', (ticket_id,)), arguments)
