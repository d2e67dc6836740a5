"""Operators of filters, compiled to SQL conditions by the type of the column.

Logic is two-valued: a comparison with a missing value is false and its negation is
true, so that ``not`` matches exactly the rows that its operand does not match.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from engine.sql.expressions import (
    FALSE,
    Access,
    Compared,
    OneOf,
    Sql,
    all_of,
    concatenate,
    negation,
)
from engine.sql.tables import Column, Table
from resolvers.date_times import FinerDateTime
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.json_values import json_text
from resolvers.normalization import folded_sql, forms_of, normalized, normalized_sql
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
            return _enum(column, value, path)
        values = [member.value for member in value]
        return _one_of(column, values, _in("text", column.sql, values))
    if column.is_time:
        return _time(column, value, path)
    if column.is_json:
        return _json(column.sql, value, path)
    if column.plain_type in _NUMBER_OPERATORS:
        return _number(column, value, path)
    if column.plain_type is str:
        is_id = column.name == "id" or column.name.endswith("_id")
        return _id(column.sql, value, path) if is_id else _text(column, value, path)
    raise TypeError(_without_operators(column))


def check_filter(table: Table, names: Iterable[str]) -> None:
    """Raise TypeError if a filter names a column that is unknown or of a type without operators."""
    for name in names:
        if (column := table.columns.get(name)) is None:
            raise TypeError(
                f"The filter of {table.type_name} has {name!r}, which is not a column. Correct the"
                " filter in the schema."
            )
        has_operators = (
            column.enum_names is not None
            or column.is_time
            or column.is_json
            or column.plain_type is str
            or column.plain_type in _NUMBER_OPERATORS
        )
        if not has_operators:
            raise TypeError(_without_operators(column))


def _without_operators(column: Column) -> str:
    return (
        f"Rows cannot be filtered by {column.name!r}, because filters have no operators for the"
        " type of this column. Add them to resolvers/filter_operators.py, or delete the column from"
        " the filter in the schema."
    )


def _one_of(column: Column, values: Sequence[str | None], condition: Sql) -> Sql:
    """Return a condition that is true for rows in which a column has one of the values."""
    one_of = OneOf(tuple(dict.fromkeys(values)), column.members)
    return replace(condition, restrictions=((column.name, one_of),))


def _text(column: Column, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        here = (*path, name)
        if name == "is_null":
            conditions.append(_is_null(column, value))
            continue
        values = value if isinstance(value, list) else [value]
        check_texts(values, *here)
        if name in _PATTERNS:
            if len(value) > PATTERN_MAX_LENGTH:
                message = (
                    f"{name} must have at most {PATTERN_MAX_LENGTH} characters, not {len(value)}."
                )
                raise InvalidInput(ErrorCode.TOO_LONG, message, *here)
            conditions.append(_PATTERNS[name](column.sql, normalized(value)))
            continue
        forms = [form for text in values for form in forms_of(text)]
        if isinstance(value, list) or len(forms) > 1:
            condition = _TEXT_EQUALITY[_LIST_OPERATORS[name]](column.sql, forms)
        else:
            condition = _TEXT_EQUALITY[name](column.sql, value)
        if name in {"eq", "in"}:
            condition = _one_of(column, forms, condition)
        conditions.append(condition)
    return all_of(conditions)


def _id(column: str, operators: Operators, path: Path) -> Sql:
    """Return the condition on an id, which is compared exactly."""
    conditions = []
    for name, value in _checked(operators, path):
        check_texts(value if isinstance(value, list) else (value,), *path, name)
        conditions.append(_TEXT_EQUALITY[name](column, value))
    return all_of(conditions)


def _number(column: Column, operators: Operators, path: Path) -> Sql:
    """Return the condition on an integer or boolean column."""
    known = _NUMBER_OPERATORS[column.plain_type]
    return all_of(
        _is_null(column, value) if name == "is_null" else known[name](column.sql, value)
        for name, value in _checked(operators, path)
    )


def _enum(column: Column, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        match name:
            case "gte" | "lte":
                values = _from_or_up_to(value, name)
                condition = _in("text", column.sql, values)
            case "in" | "nin":
                values = [member.value for member in value]
                condition = _TEXT_EQUALITY[name](column.sql, values)
            case _:
                values = [value.value]
                condition = _TEXT_EQUALITY[name](column.sql, value.value)
        if column.members is not None:
            if name in {"neq", "nin"}:
                values = [member for member in column.members if member not in values]
            condition = _one_of(column, values, condition)
        conditions.append(condition)
    return all_of(conditions)


def _from_or_up_to(value: StrEnum, operator: str) -> list[str]:
    members = list(type(value))
    position = members.index(value)
    selected = members[position:] if operator == "gte" else members[: position + 1]
    return [member.value for member in selected]


def _time(column: Column, operators: Operators, path: Path) -> Sql:
    conditions = []
    for name, value in _checked(operators, path):
        if isinstance(value, FinerDateTime):
            conditions.append(_compare_finer(name, column, value))
        else:
            conditions.append(_compare_time(name, column, value))
    return all_of(conditions)


def _compare_time(operator: str, column: Column, value: datetime) -> Sql:
    operand = Sql(_TIME, (value.isoformat(),))
    symbol = _TIME_SYMBOLS[operator]
    condition = concatenate((f"{column.sql} {symbol} ", operand))
    symbols = ("<=", ">=") if symbol == "=" else (symbol,)
    return replace(
        condition, restrictions=tuple((column.name, Compared(one, operand)) for one in symbols)
    )


def _compare_finer(operator: str, column: Column, value: FinerDateTime) -> Sql:
    """Compare with a time that lies between its own microsecond and the next one."""
    if operator == "eq":
        return FALSE
    is_earlier = operator in {"lt", "lte"}
    return _compare_time("lte" if is_earlier else "gt", column, value)


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


def _is_null(column: Column, value: bool) -> Sql:  # noqa: FBT001  # the value of the operator
    if not value:
        return Sql(f"{column.sql} IS NOT NULL")
    return _one_of(column, (None,), Sql(f"{column.sql} IS NULL"))


def _compare(comparison: str, column: str, value: Any) -> Sql:
    return Sql(comparison.format(column), (value,))


def _in(sql_type: str, column: str, values: Sequence[Any]) -> Sql:
    return Sql(f"{column} = ANY($?::{sql_type}[])", (list(values),))


def _not_in(sql_type: str, column: str, values: Sequence[Any]) -> Sql:
    return negation(_in(sql_type, column, values))


def _contains(column: str, text: str) -> Sql:
    return Sql(f"strpos({normalized_sql(column)}, $?) > 0", (text,))


def _contains_ignore_case(column: str, text: str) -> Sql:
    # A subquery is evaluated once per statement, not once per row.
    return Sql(f"strpos({folded_sql(column)}, (SELECT {folded_sql('$?')})) > 0", (text,))


def _starts_with(column: str, text: str) -> Sql:
    return Sql(f"starts_with({normalized_sql(column)}, $?)", (text,))


_Operators: TypeAlias = Mapping[str, Callable[[str, Any], Sql]]

_EQUAL: _Operators = {
    "eq": partial(_compare, "{} = $?"),
    "neq": partial(_compare, "{} IS DISTINCT FROM $?"),
}
_RANGE: _Operators = {
    "gt": partial(_compare, "{} > $?"),
    "gte": partial(_compare, "{} >= $?"),
    "lt": partial(_compare, "{} < $?"),
    "lte": partial(_compare, "{} <= $?"),
}


def _equality(sql_type: str) -> _Operators:
    return {**_EQUAL, "in": partial(_in, sql_type), "nin": partial(_not_in, sql_type)}


# Sent as text, because the driver encodes datetime.min, which is Go's zero time, as -infinity, and
# datetime.max as infinity.
_TIME = "CAST($? AS text)::timestamptz"
_TIME_SYMBOLS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TEXT_EQUALITY = _equality("text")
# The operator that compares with any of several texts, for each that compares with one or several.
_LIST_OPERATORS = {"eq": "in", "in": "in", "neq": "nin", "nin": "nin"}
_PATTERNS: _Operators = {
    "contains": _contains,
    "contains_ignore_case": _contains_ignore_case,
    "starts_with": _starts_with,
}
# By the Python type of the column's values.
_NUMBER_OPERATORS: Mapping[type | None, _Operators] = {
    int: {**_equality("integer"), **_RANGE},
    bool: _EQUAL,
}
