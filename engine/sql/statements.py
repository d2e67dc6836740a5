"""SQL statements: one for each selected list level, which reads the rows of all parents."""

from collections.abc import Sequence
from typing import Any

from engine.sql.expressions import FALSE, TRUE, Sql, all_of, concatenate
from engine.sql.index_ranges import IndexRanges, Walk, access_path
from engine.sql.ordering import Bound, Keyset
from engine.sql.queries import Page, SingleRow
from engine.sql.range_statements import ranges_text, ranges_values
from engine.sql.tables import Table

# Rows of a list that are counted. If there are more, their number is estimated.
MAX_COUNTED = 100_000
# Rows to walk in list order for each row of a page, before the inverted index is used.
NEAREST_PER_ROW = 100
# Multiplies it if a condition without an index also filters the rows, so that fewer match.
SCANNED_FACTOR = 5
# The alias of the parent rows in a nested statement.
PARENTS = "parents"
# The subquery hides the length of the array. For a short array that it can see, PostgreSQL makes
# a new plan at each run, which takes longer than the run. Here it plans once, for ten items.
_ARRAY = "(SELECT $?::text[])"


def row_statement(query: SingleRow, columns: str) -> Sql:
    """Return the statement that reads a single row."""
    order = f" ORDER BY {query.order.order_by()}" if query.order else ""
    return concatenate(
        (f'SELECT {columns} FROM "{query.table.name}" WHERE ', query.where, f"{order} LIMIT 1")
    )


def rows_statement(table: Table, keys: Sequence[str], columns: str) -> Sql:
    """Return the statement that reads the rows with these primary keys, in no order."""
    return Sql(
        # The cast makes ANY treat the subquery as an array, not as rows.
        f'SELECT {columns} FROM "{table.name}" WHERE "{table.key}" = ANY({_ARRAY}::text[])',
        (list(keys),),
    )


def key_tables_statement(tables: Sequence[Table], keys: Sequence[str]) -> Sql:
    """Return the statement that reads each existing key with the index of its table."""
    parts: list[Sql | str] = []
    for number, table in enumerate(tables):
        if parts:
            parts.append(" UNION ALL ")
        parts.append(rows_statement(table, keys, f'"{table.key}", {number}'))
    return concatenate(parts)


def page_statement(page: Page, columns: str) -> Sql:
    """Return the statement of a page, with one row more to see whether another page follows."""
    window = page.window
    bounds = []
    if window.after is not None:
        bounds.append(Bound(page.order.operator(), window.after))
    if window.before is not None:
        bounds.append(Bound(page.order.operator(reverse=True), window.before))
    return _first_rows(page, columns, bounds, reverse=window.backward, limit=window.size + 1)


def page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of the page's statement."""
    return _first_rows_values(page, (page.window.after or ()) + (page.window.before or ()))


def total_expression(page: Page) -> Sql:
    """Return the expression that counts the rows of the list, up to one more than MAX_COUNTED."""
    rows = (f'SELECT FROM "{page.table.name}" WHERE ', page.where, f" LIMIT {MAX_COUNTED + 1}")
    return concatenate(("(SELECT count(*) FROM (", *rows, ") AS counted)"))


def is_estimate(total: int) -> bool:
    """Return whether a total is above the limit of what is counted."""
    return total > MAX_COUNTED


def opposite_page_expression(page: Page) -> Sql:
    """Return the expression for whether the list has rows on the other side of the page's start.

    The row of the start cursor counts as one of them.
    """
    keyset = page.window.start
    if keyset is None:
        return FALSE
    reverse = not page.window.backward
    bound = Bound(page.order.operator(reverse=reverse, inclusive=True), keyset)
    rows = _first_rows(page, "1", [bound], reverse=reverse, limit=1)
    return concatenate(("EXISTS (", rows, ")"))


def opposite_page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of `opposite_page_expression`."""
    keyset = page.window.start
    return () if keyset is None else _first_rows_values(page, keyset)


# A page whose condition has no index in the order of the list can be found in two ways. Walking the
# rows in list order is fast if matches are frequent and slow if they are rare; another index, such
# as an inverted one, is the opposite.
# PostgreSQL chooses by its guess of the number of matches, which is wrong by orders of magnitude
# for correlated words, phrases and unknown words. So this statement does not let it choose:
#
# - `nearest` walks a bounded number of rows in list order and filters them.
# - `last` is the row where that walk ends, if the list is longer.
# - `others` uses the other indexes, but only if `nearest` did not fill the page and `last`
#   exists. `found` takes its rows after `last`.
#
# A filter over ordered rows keeps their order. OFFSET 0 makes PostgreSQL plan `others` on its
# own, so that the outer ORDER BY and LIMIT do not make it use the index of the order.
_NEAREST_FIRST = """
WITH nearest AS MATERIALIZED (
    SELECT *
    FROM (SELECT * FROM {table} WHERE {bounds} ORDER BY {order} LIMIT {nearest}) AS in_order
    WHERE {where}
    LIMIT {limit}
), last AS MATERIALIZED (
    SELECT {terms} FROM {table} WHERE {bounds} ORDER BY {order} LIMIT 1 OFFSET {before_last}
), others AS (
    SELECT *
    FROM {table}
    WHERE {where} AND (SELECT count(*) FROM nearest) < {limit} AND EXISTS (SELECT FROM last)
    OFFSET 0
)
SELECT {columns}
FROM (
    SELECT * FROM nearest
    UNION ALL
    (SELECT * FROM others WHERE {bounds} AND {after_last} ORDER BY {order} LIMIT {limit})
) AS found
ORDER BY {order}
LIMIT {limit}
"""


def _first_rows(
    page: Page, columns: str, bounds: Sequence[Bound], *, reverse: bool, limit: int
) -> Sql:
    """Return the statement of the first ``limit`` rows of a page's list within ``bounds``.

    `_first_rows_values` returns its values, so that a cached text can get new values.
    """
    path = access_path(page)
    if isinstance(path, IndexRanges):
        text = ranges_text(page, path, columns, bounds, reverse=reverse, limit=limit)
    else:
        condition = all_of(page.order.within(bound) for bound in bounds)
        text_of = _in_order if path is Walk.PLANNED else _nearest_first
        text = text_of(page, columns, condition, reverse=reverse, limit=limit)
    return Sql(text, _first_rows_values(page, sum((bound.keyset for bound in bounds), ())))


def _first_rows_values(page: Page, bounds: Keyset) -> tuple[Any, ...]:
    """Return the values of `_first_rows`, in the order of the marks in its text.

    ``bounds`` are the values of the bounds.
    """
    where = page.where
    path = access_path(page)
    if path is Walk.PLANNED:
        return where.values + bounds
    if isinstance(path, IndexRanges):
        return ranges_values(page, path) + bounds
    if where.ordered_part is not None:
        bounds += where.ordered_part.values
    in_nearest = bounds + where.values
    in_last = bounds
    in_others = where.values
    in_found = bounds
    return in_nearest + in_last + in_others + in_found


def _in_order(page: Page, columns: str, bounds: Sql, *, reverse: bool, limit: int) -> str:
    """Return a statement whose plan is left to PostgreSQL. Values: condition, bounds."""
    condition = all_of((page.where, bounds)).text
    return (
        f'SELECT {columns} FROM "{page.table.name}" WHERE {condition} '
        f"ORDER BY {page.order.order_by(reverse=reverse)} LIMIT {limit}"
    )


def _nearest_first(page: Page, columns: str, bounds: Sql, *, reverse: bool, limit: int) -> str:
    """Return `_NEAREST_FIRST` for a page.

    The ordered part of the condition belongs to its bounds: an ordered index serves both.
    """
    factor = SCANNED_FACTOR if page.where.has_scanned_part else 1
    nearest = NEAREST_PER_ROW * factor * (page.window.size + 1)
    after_last = page.order.beyond_row(Sql("(SELECT * FROM last)"), reverse=reverse)
    ordered_bounds = all_of((bounds, page.where.ordered_part or TRUE))
    return _NEAREST_FIRST.format(
        columns=columns,
        table=f'"{page.table.name}"',
        where=f"({page.where.text})",
        bounds=f"({ordered_bounds.text})",
        after_last=after_last.text,
        terms=page.order.expressions,
        order=page.order.order_by(reverse=reverse),
        limit=limit,
        nearest=nearest,
        before_last=nearest - 1,
    )


def per_parent_statement(statement: Sql, names: Sequence[str]) -> Sql:
    """Return a statement that runs ``statement`` for each parent.

    Its first values are one array for each of the parents' columns ``names``; its last column
    is the number of the parent, from 1. A LATERAL join is a nested loop, which keeps the order
    of a parent's rows.
    """
    aliases = ", ".join(f'"{name}"' for name in (*names, "parent_number"))
    return concatenate(
        (
            f"SELECT child.*, {PARENTS}.parent_number FROM unnest(",
            Sql(", ".join(_ARRAY for _ in names), tuple(names)),
            f") WITH ORDINALITY AS {PARENTS}({aliases}) CROSS JOIN LATERAL (",
            statement,
            ") AS child",
        )
    )


def expressions_statement(expressions: Sequence[Sql]) -> Sql:
    """Return the statement that selects several expressions as one row."""
    # A subquery needs distinct column names.
    named = [
        concatenate((", " if number else "SELECT ", expression, f" AS value_{number}"))
        for number, expression in enumerate(expressions)
    ]
    return concatenate(named)
