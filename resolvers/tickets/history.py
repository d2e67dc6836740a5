"""The history of a ticket."""

from typing import Unpack

from engine.sql.expressions import Sql
from engine.sql.queries import Page
from resolvers.context import Context
from resolvers.pages import PageArguments, page_of
from resolvers.tables import EVENTS, NEWEST_EVENT_FIRST


def find_history(
    context: Context,  # noqa: ARG001  # every resolver takes it
    ticket_id: str,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the events of a ticket, newest first."""
    return page_of(EVENTS, NEWEST_EVENT_FIRST, Sql('"ticket_id" = $?', (ticket_id,)), arguments)
