"""The statements: each selected list level is one, for all of its parents at once."""

from collections.abc import Sequence
from typing import Any

from engine.sql.expressions import FALSE, TRUE, Access, Sql, all_of, concatenate
from engine.sql.ordering import Keyset
from engine.sql.queries import Page, SingleRow
from engine.sql.tables import Table

# How many rows are gone through for each row of a page, before an inverted index is asked;
# five times as many where other conditions leave fewer that fit.
NEAREST_PER_ROW = 100
# The alias under which a nested statement sees the columns of its parents.
PARENTS = "parents"
# An array behind a SELECT has no length that PostgreSQL could plan for: of a few keys it
# would make a new plan each time, which takes longer than to run it. So it plans for ten.
_ARRAY = "(SELECT $?::text[])"


def row_statement(query: SingleRow, columns: str) -> Sql:
    """Return the statement of a single row."""
    order = f" ORDER BY {query.order.order_by()}" if query.order else ""
    return concatenate(
        (f'SELECT {columns} FROM "{query.table.name}" WHERE ', query.where, f"{order} LIMIT 1")
    )


def rows_statement(table: Table, keys: Sequence[str], columns: str) -> Sql:
    """Return the statement of the rows with these primary keys, in no order."""
    return Sql(
        # Without the cast, ANY would take it for rows.
        f'SELECT {columns} FROM "{table.name}" WHERE "{table.key}" = ANY({_ARRAY}::text[])',
        (list(keys),),
    )


def key_tables_statement(tables: Sequence[Table], keys: Sequence[str]) -> Sql:
    """Return the statement that tells in which of the tables (by number) each key is."""
    parts: list[Sql | str] = []
    for number, table in enumerate(tables):
        if parts:
            parts.append(" UNION ALL ")
        parts.append(rows_statement(table, keys, f'"{table.key}", {number}'))
    return concatenate(parts)


def page_statement(page: Page, columns: str) -> Sql:
    """Return the statement of a page: one row more than its size, to tell whether more follow."""
    window = page.window
    bounds = []
    if window.after is not None:
        bounds.append(page.order.beyond(window.after))
    if window.before is not None:
        bounds.append(page.order.beyond(window.before, reverse=True))
    return _first_rows(
        page, columns, all_of(bounds), reverse=window.backward, limit=window.size + 1
    )


def page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of a page's statement."""
    return _values(page, (page.window.after or ()) + (page.window.before or ()))


def total_expression(page: Page) -> Sql:
    """Return the count of all rows of the list, on whatever page."""
    return concatenate((f'(SELECT count(*) FROM "{page.table.name}" WHERE ', page.where, ")"))


def opposite_page_expression(page: Page) -> Sql:
    """Return whether rows lie on the other side of the cursor that the page starts from."""
    keyset = page.window.start
    if keyset is None:
        return FALSE
    reverse = not page.window.backward
    other_side = page.order.beyond(keyset, reverse=reverse, inclusive=True)
    rows = _first_rows(page, "1", other_side, reverse=reverse, limit=1)
    return concatenate(("EXISTS (", rows, ")"))


def opposite_page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of that expression."""
    keyset = page.window.start
    return () if keyset is None else _values(page, keyset)


# Where an inverted index answers a condition, PostgreSQL can go through the rows in the
# order of the list, and finds what is frequent at once and what is rare at the very end;
# or by the index, where it is the other way round. It chooses by a guess, which of words
# that come together, of phrases and of words that nobody has written is wrong by orders
# of magnitude. So the nearest rows (of those that fit as far as it can foresee) are gone
# through, and only where they do not have enough, and are not all there is, all that fit
# are found by the index. A filter over rows in order keeps their order; and by OFFSET 0
# the others are planned by themselves, so that neither the order nor the limit outside
# tempts PostgreSQL to the index of the order.
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
    (SELECT * FROM others WHERE {bounds} AND {further} ORDER BY {order} LIMIT {limit})
) AS found
ORDER BY {order}
LIMIT {limit}
"""


def _first_rows(page: Page, columns: str, bounds: Sql, *, reverse: bool, limit: int) -> Sql:
    """Return the statement of the first rows that fit, of those within bounds."""
    values = _values(page, bounds.values)
    order = page.order.order_by(reverse=reverse)
    if page.where.access is Access.INVERTED:
        per_row = NEAREST_PER_ROW * (5 if page.where.is_narrowed else 1)
        nearest = per_row * (page.window.size + 1)
        bounds = all_of((bounds, page.where.beside or TRUE))
        further = page.order.beyond_row(Sql("(SELECT * FROM last)"), reverse=reverse)
        text = _NEAREST_FIRST.format(
            columns=columns,
            table=f'"{page.table.name}"',
            where=f"({page.where.text})",
            bounds=f"({bounds.text})",
            further=further.text,
            terms=page.order.expressions,
            order=order,
            limit=limit,
            nearest=nearest,
            before_last=nearest - 1,
        )
    else:
        condition = all_of((page.where, bounds)).text
        text = (
            f'SELECT {columns} FROM "{page.table.name}" WHERE {condition} '
            f"ORDER BY {order} LIMIT {limit}"
        )
    return Sql(text, values)


def _values(page: Page, bounds: Keyset) -> tuple[Any, ...]:
    """Return the values of the statement of the first rows, in the order of its marks."""
    where = page.where
    if where.access is not Access.INVERTED:
        return where.values + bounds
    if where.beside is not None:
        bounds += where.beside.values
    return bounds + where.values + bounds + where.values + bounds


def per_parent_statement(statement: Sql, names: Sequence[str]) -> Sql:
    """Return the statement run for each parent; the last column is the parent's number from 1.

    The first values are an array for each column of the parents. A LATERAL join is a
    nested loop, which keeps the rows of a parent in their order.
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
    """Return the statement that answers several expressions in one row."""
    # Each has a name of its own, or a subquery could not hold them.
    named = [
        concatenate((", " if number else "SELECT ", expression, f" AS answer_{number}"))
        for number, expression in enumerate(expressions)
    ]
    return concatenate(named)
