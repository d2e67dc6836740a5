"""The statements: each selected list level is one, for all of its parents at once."""

from collections.abc import Sequence
from typing import Any

from engine.paging import Order, Window
from engine.queries import One, Page
from engine.sql import Sql, all_of, concatenate
from engine.tables import Table

# How many rows are looked through, in the order of the list, before an inverted index is.
NEAREST = 2_000
# The alias under which a nested statement sees the columns of its parents.
PARENTS = "parents"
# An array behind a SELECT has no length that PostgreSQL could plan for: of a few keys it
# would make a new plan each time, which takes longer than to run it. So it plans for ten.
_ARRAY = "(SELECT $?::text[])"


def row_statement(query: One, columns: str) -> Sql:
    """Return the statement of a single row."""
    order = f" ORDER BY {query.order.clause()}" if query.order else ""
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


def kinds_statement(tables: Sequence[Table], keys: Sequence[str]) -> Sql:
    """Return the statement that tells in which of the tables (by number) each key is."""
    parts: list[Sql | str] = []
    for number, table in enumerate(tables):
        if parts:
            parts.append(" UNION ALL ")
        parts.append(rows_statement(table, keys, f'"{table.key}", {number}'))
    return concatenate(parts)


def page_statement(page: Page, columns: str) -> Sql:
    """Return the statement of a page: one row more than its size, to tell whether more follow."""
    if page.where.inverted:
        return _nearest_first_statement(page, columns)
    order, limit = _order_and_limit(page)
    condition = all_of((page.where, _bounds(page.window, page.order)))
    return concatenate(
        (f'SELECT {columns} FROM "{page.table.name}" WHERE ', condition, f"{order}{limit}")
    )


def page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of a page's statement."""
    where = page.where.values
    bounds = (page.window.after or ()) + (page.window.before or ())
    if page.where.inverted:
        return bounds + where + where + bounds + bounds
    return where + bounds


def _nearest_first_statement(page: Page, columns: str) -> Sql:
    """Return the statement of a page whose condition has an inverted index.

    In the order of the list a page of what is frequent is found at once, and of what is
    rare after all rows; by the index it is the other way round. Which it is PostgreSQL
    guesses, and of words that come together, phrases, and words that nobody has written
    it is wrong by orders of magnitude. So the nearest rows are looked through first, and
    the others are found by the index, if there is no page among the nearest.
    """
    table = f'"{page.table.name}"'
    order, limit = _order_and_limit(page)
    bounds = _bounds(page.window, page.order)
    last_of_nearest = concatenate(
        (
            f"(SELECT {page.order.expressions} FROM {table} WHERE ",
            bounds,
            f"{order} OFFSET {NEAREST - 1} LIMIT 1)",
        )
    )
    others = all_of(
        (
            page.where,
            bounds,
            page.order.beyond_row(last_of_nearest, reverse=page.window.backward),
            Sql(f"(SELECT count(*) FROM nearest) <= {page.window.size}"),
        )
    )
    return concatenate(
        (
            f"WITH nearest AS MATERIALIZED (SELECT * FROM (SELECT * FROM {table} WHERE ",
            bounds,
            f"{order} LIMIT {NEAREST}) AS nearest WHERE ",
            page.where,
            f"{order}{limit}), others AS (SELECT * FROM {table} WHERE ",
            others,
            # With an OFFSET, be it none, they are all found before they are put in order.
            f" OFFSET 0) SELECT {columns} FROM (SELECT * FROM nearest UNION ALL ",
            f"(SELECT * FROM others{order}{limit})) AS found{order}{limit}",
        )
    )


def _order_and_limit(page: Page) -> tuple[str, str]:
    window = page.window
    order = page.order.clause(reverse=window.backward)
    return f" ORDER BY {order}", f" LIMIT {window.size + 1}"


def _bounds(window: Window, order: Order) -> Sql:
    """Return the condition for the rows between the cursors of a page."""
    bounds = []
    if window.after is not None:
        bounds.append(order.beyond(window.after))
    if window.before is not None:
        bounds.append(order.beyond(window.before, reverse=True))
    return all_of(bounds)


def total_expression(page: Page) -> Sql:
    """Return the count of all rows of the list, on whatever page."""
    return concatenate((f'(SELECT count(*) FROM "{page.table.name}" WHERE ', page.where, ")"))


def far_side_expression(page: Page) -> Sql:
    """Return whether rows lie on the other side of the cursor that the page starts from."""
    window = page.window
    keyset = window.before if window.backward else window.after
    if keyset is None:
        return Sql("FALSE")
    other_side = page.order.beyond(keyset, reverse=not window.backward, inclusive=True)
    return concatenate(
        (
            f'EXISTS (SELECT 1 FROM "{page.table.name}" WHERE ',
            all_of((page.where, other_side)),
            ")",
        )
    )


def for_each_parent(statement: Sql, names: Sequence[str]) -> Sql:
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


def answers_statement(expressions: Sequence[Sql]) -> Sql:
    """Return the statement that answers several expressions in one row."""
    # Each has a name of its own, or a subquery could not hold them.
    named = [
        concatenate((", " if number else "SELECT ", expression, f" AS answer_{number}"))
        for number, expression in enumerate(expressions)
    ]
    return concatenate(named)
