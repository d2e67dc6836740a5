"""Filters of tickets, compiled to SQL conditions."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from engine.sql.expressions import FALSE, TRUE, Access, Sql, all_of, any_of, negation
from models import Ticket
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.filter_operators import Path, column_condition
from resolvers.tables import TICKETS
from resolvers.text_validation import checked_text

# Keys of a filter that are not columns.
NOT_COLUMNS = frozenset({"and", "or", "not", "search"})
# The keys NOT_COLUMNS, and the names of columns with their operators.
TicketFilter: TypeAlias = Mapping[str, Any]

# More conditions would keep the query planner busy for seconds, and PostgreSQL allows
# 32,767 parameters a statement.
MAX_CONDITIONS = 1_000
# Conditions of a filter that is compiled once if the next one is the same.
LARGE = 20
# In characters. The time to parse a search grows with the square of its words.
SEARCH_MAX_LENGTH = 1_000
# PostgreSQL parses at most 32 operators before a word; two of them can be an OR and an AND.
MAX_HYPHENS = 30
# A line of more hyphens, also with other characters between that make no words.
_LINE = re.compile(rf'-(?:[^\w"-]*-){{{MAX_HYPHENS},}}')

# Number of columns of an index without further columns to filter by: (column, created_at, id).
_PLAIN_INDEX = 3
# Columns whose B-tree index has the rows of one value in the default order, and the operators that
# such an index answers. The index on `subject` is only for sorting: a search limited by it can
# read and sort many rows.
_INDEXED = frozenset(
    {
        "id",
        *(index.fields[0] for index in Ticket.Meta.indexes if len(index.fields) <= _PLAIN_INDEX),
    }
) - {"subject"}
_INDEX_OPERATORS = frozenset({"eq", "in", "gt", "gte", "lt", "lte"})


def ticket_condition(filter: TicketFilter | None) -> Sql:
    """Return the condition for tickets; raises InvalidInput, whose path names the operator."""
    if not filter:
        return TRUE
    if filter is _Latest.filter:
        return _Latest.condition
    if (count := _count(filter)) > MAX_CONDITIONS:
        message = f"filter must have at most {MAX_CONDITIONS} conditions, not {count}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, "filter")
    condition = _condition(filter, ("filter",))
    if count > LARGE:
        _Latest.filter, _Latest.condition = filter, condition
    return condition


class _Latest:
    """The last large filter and its condition, because many fields can have the same variable."""

    filter: TicketFilter | None = None
    condition: Sql = TRUE


def _count(filter: TicketFilter) -> int:
    """Return the number of conditions; an empty filter counts as one."""
    count = 0
    for name, value in filter.items():
        match name:
            case "and" | "or" if value is not None:
                count += sum(map(_count, value))
            case "not" if value is not None:
                count += _count(value)
            case _:
                count += 1
    return count or 1


def _condition(filter: TicketFilter, path: Path) -> Sql:
    conditions: list[Sql] = []
    for name, value in filter.items():
        here = (*path, name)
        if value is None:
            continue
        match name:
            case "and":
                conditions.append(_every(value, here))
            case "or":
                conditions.append(any_of(_condition(item, here) for item in value))
            case "not":
                conditions.append(negation(_condition(value, here)))
            case "search":
                conditions.append(_search(value, here))
            case _:
                condition = column_condition(TICKETS.columns[name], value, here)
                if value and name in _INDEXED and _INDEX_OPERATORS.issuperset(value):
                    condition = replace(condition, access=Access.ORDERED)
                conditions.append(condition)
    return all_of(conditions)


def _every(filters: Sequence[TicketFilter], path: Path) -> Sql:
    # An empty list matches nothing, in `and` as in `or` and `in`.
    return all_of(_condition(item, path) for item in filters) if filters else FALSE


def _search(words: str, path: Path) -> Sql:
    if len(words) > SEARCH_MAX_LENGTH:
        message = f"search must have at most {SEARCH_MAX_LENGTH} characters, not {len(words)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, *path)
    if not checked_text(words, *path).strip():
        return TRUE
    # The search has an operand for each of these letters, up to 18 for a ligature.
    compatible = unicodedata.normalize("NFKC", words)
    if (length := len(compatible)) > SEARCH_MAX_LENGTH:
        message = (
            f"search must have at most {SEARCH_MAX_LENGTH} characters, not {length}: a ligature"
            " counts as its letters."
        )
        raise InvalidInput(ErrorCode.TOO_LONG, message, *path)
    if compatible.count("-") > MAX_HYPHENS:
        words = _LINE.sub(" ", compatible)
    # A subquery is evaluated once per statement, not once per row, and has one plan for all words.
    return Sql("search @@ (SELECT ticket_search_query($?))", (words,), Access.INVERTED)
