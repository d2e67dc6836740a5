"""The statements: each selected list level is one, for all of its parents at once."""

from collections.abc import Sequence
from typing import Any

from engine.queries import One, Page
from engine.sql import Sql, all_of, concatenate
from engine.tables import Table

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
    window = page.window
    bounds = []
    if window.after is not None:
        bounds.append(page.order.beyond(window.after))
    if window.before is not None:
        bounds.append(page.order.beyond(window.before, reverse=True))
    return concatenate(
        (
            f'SELECT {columns} FROM "{page.table.name}" WHERE ',
            all_of((page.where, *bounds)),
            f" ORDER BY {page.order.clause(reverse=window.backward)} LIMIT {window.size + 1}",
        )
    )


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


def page_values(page: Page) -> tuple[Any, ...]:
    """Return the values of a page's statement."""
    window = page.window
    values = page.where.values
    if window.after is not None:
        values += window.after
    if window.before is not None:
        values += window.before
    return values


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
