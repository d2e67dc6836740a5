"""Operators of filters, compiled to SQL conditions by the type of the column.

Logic is two-valued: a comparison with a missing value is false and its negation is
true, so that ``not`` returns exactly the rows that its content does not.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from engine.sql.expressions import Access, Sql, all_of, negation
from engine.sql.tables import Column, Table
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.json_values import json_text
from resolvers.text_validation import check_texts, checked_text

Operators: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]

# In characters, of a text to search for in a column. No column that can be filtered is as long.
PATTERN_MAX_LENGTH = 1_000


def columns_condition(table: Table, filter: Mapping[str, Any]) -> Sql:
    """Return the condition for rows that match every field; raises InvalidInput."""
    return all_of(
        column_condition(table.columns[name], value, ("filter", name))
        for name, value in filter.items()
        if value is not None
    )


def column_condition(column: Column, value: Any, path: Path) -> Sql:
    """Return the condition on one column; raises InvalidInput, whose path names the operator.

    ``value`` holds operators with their values, or the list of an enumeration's allowed values.
    """
    if column.enum_names is not None:
        if isinstance(value, Mapping):
            return _enum(column.sql, value, path)
        return _in(column.sql, [member.value for member in value])
    if column.is_time:
        return _time(column.sql, value, path)
    if column.is_json:
        return _json(column.sql, value, path)
    return _text(column.sql, value, path)


def _text(column: str, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        here = (*path, name)
        if name == "is_null":
            conditions.append(Sql(f"{column} IS {'' if value else 'NOT '}NULL"))
            continue
        check_texts(value if isinstance(value, list) else (value,), *here)
        if name in _PATTERNS and len(value) > PATTERN_MAX_LENGTH:
            message = f"{name} must have at most {PATTERN_MAX_LENGTH} characters, not {len(value)}."
            raise InvalidInput(ErrorCode.TOO_LONG, message, *here)
        conditions.append(_TEXT_OPERATORS[name](column, value))
    return all_of(conditions)


def _enum(column: str, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        match name:
            case "gte" | "lte":
                conditions.append(_in(column, _from_or_up_to(value, name)))
            case "in" | "nin":
                conditions.append(_EQUALITY[name](column, [member.value for member in value]))
            case _:
                conditions.append(_EQUALITY[name](column, value.value))
    return all_of(conditions)


def _from_or_up_to(value: StrEnum, operator: str) -> list[str]:
    members = list(type(value))
    position = members.index(value)
    selected = members[position:] if operator == "gte" else members[: position + 1]
    return [member.value for member in selected]


def _time(column: str, operators: Operators, path: Path) -> Sql:
    comparisons = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    return all_of(
        Sql(f"{column} {comparisons[name]} $?", (value,))
        for name, value in _checked(operators, path)
    )


def _json(column: str, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        here = (*path, name)
        match name:
            case "contains":
                text = json_text(value, *here)
                # A subquery is evaluated once per statement, not once per row.
                conditions.append(Sql(f"{column} @> (SELECT $?::jsonb)", (text,), Access.INVERTED))
            case "has_key":
                # The index stores paths (jsonb_path_ops), so it cannot answer this operator.
                conditions.append(Sql(f"{column} ? $?", (checked_text(value, *here),)))
            case "is_null":
                # The API returns a stored JSON null as null, so the filter treats it as null.
                null = Sql(f"coalesce({column}, 'null') = 'null'")
                conditions.append(null if value else negation(null))
    return all_of(conditions)


def _checked(operators: Operators, path: Path) -> list[tuple[str, Any]]:
    for name, value in operators.items():
        if value is None:
            message = f"{name} must not be null: omit it, or use isNull."
            raise InvalidInput(ErrorCode.INVALID, message, *path, name)
    return list(operators.items())


def _compare(comparison: str, column: str, value: Any) -> Sql:
    return Sql(comparison.format(column), (value,))


def _in(column: str, values: Sequence[str]) -> Sql:
    return Sql(f"{column} = ANY($?::text[])", (list(values),))


_EQUALITY: dict[str, Callable[[str, Any], Sql]] = {
    "eq": partial(_compare, "{} = $?"),
    "neq": partial(_compare, "{} IS DISTINCT FROM $?"),
    "in": _in,
    "nin": lambda column, values: negation(_in(column, values)),
}
_PATTERNS: dict[str, Callable[[str, Any], Sql]] = {
    "contains": partial(_compare, "strpos({}, $?) > 0"),
    "contains_ignore_case": partial(_compare, "strpos(lower({}), lower($?)) > 0"),
    "starts_with": partial(_compare, "starts_with({}, $?)"),
}
_TEXT_OPERATORS = _EQUALITY | _PATTERNS
