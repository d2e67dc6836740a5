"""Statements that read a page from ranges of an index: see `engine.sql.index_ranges`.

The planner must not use another index, because it would walk past all rows that do not match. It
cannot know whether that is far: it assumes that matches are spread evenly. So the statement
orders the rows by all columns of the index, and limits them to a range by comparisons of rows:
after an equality, the planner would leave the column out of the order.
"""

from collections.abc import Sequence
from typing import Any

from engine.sql.expressions import MARK, Compared
from engine.sql.index_ranges import IndexRanges, listed_values
from engine.sql.ordering import Bound, TermKind
from engine.sql.queries import Page

__all__ = ["ranges_text", "ranges_values"]

# A LATERAL join is a nested loop, which keeps the order of the rows.
_ONE_RANGE = """
SELECT found.*
FROM {ranges}
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table} WHERE {in_range} ORDER BY {order_in_index} LIMIT {limit}
) AS found
"""

# Reads up to a page of each range, from the index alone, and then the rows of the page.
_RANGES = """
SELECT {columns}
FROM (
    SELECT found."{key}"
    FROM {ranges}
    CROSS JOIN LATERAL (
        SELECT {terms} FROM {table} WHERE {in_range} ORDER BY {order_in_index} LIMIT {limit}
    ) AS found
    ORDER BY {order}
    LIMIT {limit}
) AS of_page
JOIN {table} USING ("{key}")
ORDER BY {order}
"""


def ranges_text(
    page: Page,
    ranges: IndexRanges,
    columns: str,
    bounds: Sequence[Bound],
    *,
    reverse: bool,
    limit: int,
) -> str:
    """Return the text of the statement of the first ``limit`` rows within ``bounds``.

    Its values are `ranges_values` and those of the bounds.
    """
    table, order = page.table, page.order
    sources = []
    for number, name in enumerate(ranges.columns):
        members = f"'{{{','.join(table.columns[name].members or ())}}}'"
        array = MARK if name in ranges.listed else members
        if name in ranges.nulls:
            sources.append(f"(VALUES (NULL)) AS range_{number}(value)")
        else:
            sources.append(f"unnest({array}::text[]) AS range_{number}(value)")
    first = ", ".join(f'"{name}"' for name in ranges.columns)
    descending = order.descending != reverse
    direction = " DESC" if descending else ""
    return (_ONE_RANGE if ranges.is_single else _RANGES).format(
        columns=columns,
        key=table.key,
        ranges=" CROSS JOIN ".join(sources),
        terms=", ".join(dict.fromkeys((f'"{table.key}"', *order.expressions.split(", ")))),
        table=f'"{table.name}"',
        in_range=" AND ".join(_in_range(page, ranges, bounds, descending=descending)),
        order_in_index=f"{first.replace(',', f'{direction},')}{direction}, "
        + order.order_by(reverse=reverse),
        order=order.order_by(reverse=reverse),
        limit=limit,
    )


def ranges_values(page: Page, ranges: IndexRanges) -> tuple[Any, ...]:
    """Return an array for each listed column, and the values of the comparisons."""
    arrays = [
        listed_values(page.where, column) for column in ranges.columns if column in ranges.listed
    ]
    operands = [
        value
        for _, restriction in page.where.restrictions
        if isinstance(restriction, Compared)
        for value in restriction.operand.values
    ]
    return (*arrays, *operands)


def _in_range(
    page: Page, ranges: IndexRanges, bounds: Sequence[Bound], *, descending: bool
) -> list[str]:
    """Return the conditions of a range, in the order of their values.

    An index scan starts at one comparison of rows: at that with the cursor, if there is one.
    """
    known = {
        f'"{name}"': f"range_{number}.value"
        for number, name in enumerate(ranges.columns)
        if name not in ranges.nulls
    }
    first = "".join(f"{name}, " for name in known)
    values = "".join(f"{value}, " for value in known.values())
    start = "<" if descending else ">"
    has_cursor_at_start = any(bound.operator[0] == start for bound in bounds)
    conditions = [f'"{name}" IS NULL' for name in ranges.columns if name in ranges.nulls]
    compared = []
    for name, restriction in page.where.restrictions:
        if not isinstance(restriction, Compared):
            continue
        operator, operand = restriction.operator, restriction.operand.text
        if operator[0] == start and has_cursor_at_start:
            conditions.append(f'"{name}" {operator} {operand}')
        else:
            compared.append(operator[0])
            conditions.append(f'({first}"{name}") {operator} ({values}{operand})')
    for bound in bounds:
        compared.append(bound.operator[0])
        conditions.append(
            f"({first}{page.order.expressions}) {bound.operator} ({values}{page.order.marks})"
        )
    # A comparison with a cursor or a time includes these. With the time the planner takes them for
    # comparisons of rows, also with one first column: a range between two values would seem so
    # small that it would be sorted.
    term = page.order.terms[0]
    ends = {"<": "infinity", ">": "-infinity"}
    for side, end in ends.items():
        if side not in compared and term.kind is TermKind.TIME:
            conditions.append(f"({first}{term.expression}) {side}= ({values}timestamptz '{end}')")
        elif side not in compared and known:
            conditions.append(f"({first[:-2]}) {side}= ({values[:-2]})")
    return conditions
