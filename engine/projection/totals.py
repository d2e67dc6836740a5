"""Totals of lists: exact up to a limit, and estimated from PostgreSQL's statistics above it."""

from engine.projection.reading import fetch_records
from engine.sql.estimates import estimate_statement, estimated_rows
from engine.sql.queries import Page
from engine.sql.statements import is_estimate

__all__ = ["checked_total"]


async def checked_total(page: Page, counted: int) -> int:
    """Return a counted total, or an estimate if counting has stopped at the limit.

    An estimate is above the limit too. The condition of the page must not refer to a parent.
    """
    if not is_estimate(counted):
        return counted
    [record] = await fetch_records(estimate_statement(page.table, page.where))
    return max(estimated_rows(record[0]), counted)
