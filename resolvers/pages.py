"""Pages of a list, selected by the arguments of a Relay connection."""

from typing import TypedDict

from engine.sql.cursors import InvalidPageArgument
from engine.sql.expressions import Sql
from engine.sql.ordering import RowOrder
from engine.sql.paging import page_window
from engine.sql.queries import Page
from engine.sql.tables import Table
from resolvers.errors import ErrorCode, InvalidInput


class PageArguments(TypedDict, total=False):
    """Arguments of a connection: ``first`` and ``last`` are 1 to 100, 50 if neither is set."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


def page_of(table: Table, order: RowOrder, where: Sql, arguments: PageArguments) -> Page:
    """Return a page; raises InvalidInput for an argument out of range."""
    try:
        return Page(table, order, page_window(order, **arguments), where)
    except InvalidPageArgument as error:
        raise InvalidInput(ErrorCode.INVALID, str(error), error.argument) from None
