"""Communications with OPS, listed."""

from typing import Unpack

from engine.sql.expressions import Sql, all_of
from engine.sql.queries import Page
from resolvers.context import Context
from resolvers.filters import LogEntryFilter, log_entry_condition
from resolvers.pages import PageArguments, page_of
from resolvers.tables import LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST


def find_log_entries(
    context: Context,  # noqa: ARG001  # one signature for all
    *,
    filter: LogEntryFilter | None = None,  # the API's word
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of all log entries that fit, newest first."""
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, log_entry_condition(filter), arguments)


def find_log_entries_of_ticket(
    context: Context,  # noqa: ARG001  # one signature for all
    ticket_id: str,
    *,
    filter: LogEntryFilter | None = None,  # the API's word
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of a ticket's log entries that fit, newest first."""
    condition = all_of((Sql('"ticket_id" = $?', (ticket_id,)), log_entry_condition(filter)))
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, condition, arguments)


def find_log_entries_of_delivery(
    context: Context,  # noqa: ARG001  # one signature for all
    delivery_id: str,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of a delivery's log entries, newest first."""
    condition = Sql('"delivery_id" = $?', (delivery_id,))
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, condition, arguments)
