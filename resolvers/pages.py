"""Pages of lists, with the arguments of a Relay connection."""

from typing import TypedDict

from engine.sql.expressions import Sql
from engine.sql.paging import InvalidWindow, RowOrder, window
from engine.sql.queries import Page
from engine.sql.tables import Table
from resolvers.errors import ErrorCode, InvalidInput


class PageArguments(TypedDict, total=False):
    """The arguments of a connection: 1 to 100 rows, 50 where neither first nor last is given."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


def page_of(table: Table, order: RowOrder, where: Sql, arguments: PageArguments) -> Page:
    """Return a page; raises InvalidInput where an argument cannot be used, never clamps."""
    try:
        return Page(table, order, window(order, **arguments), where)
    except InvalidWindow as error:
        raise InvalidInput(ErrorCode.INVALID, str(error), error.argument) from None
