"""Choose how the rows of a page are found, so that its cost does not grow with the table.

PostgreSQL reads a page from the index of its order and filters the rows. If the rows that match
are rare and far from the start of the page, it walks past all others. An index whose first
columns are those that the condition restricts has the matching rows together and in order, in as
many ranges as there are combinations of their values. A first column that the condition does
not restrict must be an enumeration: then the ranges of all its values are read (a loose index
scan, or skip scan). At most a page of rows is read from each range.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from math import prod
from typing import TypeAlias

from engine.sql.expressions import Access, OneOf, Sql
from engine.sql.ordering import RowOrder
from engine.sql.queries import Page
from engine.sql.tables import Table

__all__ = ["AccessPath", "IndexRanges", "Walk", "access_path", "listed_values"]

# Maximum for one statement. A range without rows takes PostgreSQL about 3 µs.
MAX_RANGES = 400

_Values: TypeAlias = tuple[str | None, ...]


class Walk(Enum):
    """Ways to find the rows of a page without ranges of an index."""

    # Left to PostgreSQL's planner.
    PLANNED = "planned"
    # Among the nearest rows in the order of the list first, and then among all that match.
    NEAREST_FIRST = "nearest_first"


@dataclass(frozen=True, slots=True)
class IndexRanges:
    """Ranges of an index: its columns before the terms of the order.

    The values of those in ``listed`` are parameters of the statement; of all others, the members
    of their enumerations are part of its text. Those in ``nulls`` are null.
    """

    columns: tuple[str, ...]
    listed: frozenset[str]
    nulls: frozenset[str]
    # Whether there is only one range.
    is_single: bool


# The text of a page's statement depends on it.
AccessPath: TypeAlias = Walk | IndexRanges


def access_path(page: Page) -> AccessPath:
    """Return how to find the rows of a page."""
    where = page.where
    if where.access is Access.INVERTED:
        return Walk.NEAREST_FIRST
    if not where.restrictions:
        return Walk.PLANNED
    return _path(page.table, page.order, where)


def listed_values(where: Sql, column: str) -> list[str | None]:
    """Return the values that a condition lists for a column."""
    return next(
        list(restriction.values)
        for name, restriction in where.restrictions
        if name == column and isinstance(restriction, OneOf)
    )


def _path(table: Table, order: RowOrder, where: Sql) -> AccessPath:
    listed: dict[str, _Values] = {}
    is_range_of_order = True
    for column, restriction in where.restrictions:
        if isinstance(restriction, OneOf):
            listed[column] = restriction.values
        elif order.columns is None or column != order.columns[0]:
            is_range_of_order = False
    if listed and is_range_of_order:
        columns = _index_columns(table, order, frozenset(listed))
        if columns is not None:
            count = _number_of_ranges(table, columns, listed)
            if count <= MAX_RANGES:
                nulls = frozenset(name for name, values in listed.items() if None in values)
                if nulls.issuperset(columns) or not nulls:
                    is_single = count == 1
                    return IndexRanges(columns, frozenset(listed) - nulls, nulls, is_single)
                # Comparisons of the other columns alone would seem to leave few rows, which the
                # planner would collect from other indexes and sort.
                return Walk.PLANNED
    elif is_range_of_order:
        return Walk.PLANNED
    if any(_has_few_rows(table, column) for column in listed):
        return Walk.PLANNED
    return Walk.NEAREST_FIRST


def _number_of_ranges(table: Table, columns: tuple[str, ...], listed: Mapping[str, _Values]) -> int:
    return prod(
        len(listed[column] if column in listed else table.columns[column].members or ())
        for column in columns
    )


# The columns depend on the filters of clients.
@lru_cache(maxsize=1000)
def _index_columns(table: Table, order: RowOrder, listed: frozenset[str]) -> tuple[str, ...] | None:
    """Return the columns before the terms of the index that has the fewest ranges."""
    found: list[tuple[int, tuple[str, ...]]] = []
    for fields in table.indexes:
        columns = fields[: -len(order.terms)]
        members = [table.columns[column].members for column in columns if column not in listed]
        if listed.issubset(columns) and fields[len(columns) :] == order.columns:
            lengths = [len(each) for each in members if each is not None]
            if len(lengths) == len(members):
                found.append((prod(lengths), columns))
    return min(found)[1] if found else None


@cache
def _has_few_rows(table: Table, column: str) -> bool:
    """Return whether a value of a column has few rows, as its indexes say.

    A column whose values have many rows begins an index that has enumerations too.
    """
    if table.columns[column].members is not None:
        return False
    later = [fields[1] for fields in table.indexes if fields[0] == column and len(fields) > 1]
    return all(table.columns[name].members is None for name in later)
