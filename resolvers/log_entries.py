"""The log of communications with OPS."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

from engine.sql.expressions import Sql, all_of
from engine.sql.queries import Page
from models import LogAction, LogStatus
from resolvers.context import Context
from resolvers.filter_operators import Operators, columns_condition
from resolvers.pages import PageArguments, page_of
from resolvers.tables import LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST


class LogEntryFilter(TypedDict, total=False):
    """Filter of log entries; its fields are joined by AND."""

    ticket_id: Operators
    delivery_id: Operators
    action: Sequence[LogAction]
    status: Sequence[LogStatus]
    timestamp: Operators


def log_entry_condition(filter: LogEntryFilter | None) -> Sql:
    """Return the condition for log entries; raises InvalidInput."""
    return columns_condition(LOG_ENTRIES, filter or {})


def find_log_entries(
    context: Context,  # noqa: ARG001  # every resolver takes it
    *,
    filter: LogEntryFilter | None = None,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the matching log entries, newest first."""
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, log_entry_condition(filter), arguments)


def find_log_entries_of_ticket(
    context: Context,  # noqa: ARG001  # every resolver takes it
    ticket_id: str,
    *,
    filter: LogEntryFilter | None = None,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the matching log entries of a ticket, newest first."""
    condition = all_of((Sql('"ticket_id" = $?', (ticket_id,)), log_entry_condition(filter)))
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, condition, arguments)


def find_log_entries_of_delivery(
    context: Context,  # noqa: ARG001  # every resolver takes it
    delivery_id: str,
    **arguments: Unpack[PageArguments],
) -> Page:
    """Return a page of the log entries of a delivery, newest first."""
    condition = Sql('"delivery_id" = $?', (delivery_id,))
    return page_of(LOG_ENTRIES, NEWEST_LOG_ENTRY_FIRST, condition, arguments)
