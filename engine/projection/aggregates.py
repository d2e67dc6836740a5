"""Aggregates of pages: their totals, and whether there are rows on their opposite sides."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.projection.compiled import CompiledSelection
from engine.projection.connection import ConnectionProjection
from engine.projection.reading import ParentKeys, for_parents, read
from engine.projection.totals import checked_total
from engine.sql.expressions import ParentColumn, Sql
from engine.sql.queries import Page
from engine.sql.statements import (
    expressions_statement,
    opposite_page_expression,
    opposite_page_values,
    total_expression,
)

__all__ = ["read_aggregates"]


async def read_aggregates(
    compiled: CompiledSelection[ConnectionProjection],
    page: Page,
    key: tuple[Any, ...],
    parent_keys: ParentKeys | None,
    *,
    count: int,
) -> tuple[Sequence[bool], Sequence[int | None]]:
    """Return for each page whether there are rows on its opposite side, and the total.

    The opposite side is the one that the page starts from: before a forward page, after a
    backward page. No statement runs if neither is selected; the values are then False and None.
    """
    wants_total = compiled.projection.wants_total
    # A page without a cursor starts at an end of the list; nothing is on its opposite side.
    wants_opposite_page = page.window.start is not None and compiled.projection.wants_opposite_page(
        backward=page.window.backward
    )
    no_opposite_pages: list[bool] = [False] * count
    no_totals: list[int | None] = [None] * count
    if not wants_total and not wants_opposite_page:
        return no_opposite_pages, no_totals

    def build_statement() -> Sql:
        expressions = [total_expression(page)] if wants_total else []
        if wants_opposite_page:
            expressions.append(opposite_page_expression(page))
        return for_parents(expressions_statement(expressions), parent_keys)

    values = page.where.values if wants_total else ()
    if wants_opposite_page:
        values += opposite_page_values(page)
    text = compiled.text(("aggregates", *key), build_statement)
    groups = await read(text, values, parent_keys)
    # One record for each page: the total first, if it is selected, then the opposite page.
    records = [group[0] for group in groups]
    opposite_page_position = 1 if wants_total else 0
    totals: Sequence[int | None] = no_totals
    if wants_total:
        totals = [
            await checked_total(_of_parent(page, parent_keys, number), record[0])
            for number, record in enumerate(records)
        ]
    return (
        [bool(record[opposite_page_position]) for record in records]
        if wants_opposite_page
        else no_opposite_pages,
        totals,
    )


def _of_parent(page: Page, parent_keys: ParentKeys | None, number: int) -> Page:
    """Return the page of one parent, with the values of its columns in the condition."""
    if parent_keys is None:
        return page
    columns = dict(zip(parent_keys.columns, parent_keys.keys[number], strict=True))
    values = [
        columns[value.column] if isinstance(value, ParentColumn) else value
        for value in page.where.values
    ]
    return replace(page, where=Sql(page.where.text, tuple(values)))
