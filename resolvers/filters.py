"""Filters: what a caller gives as data, compiled to conditions of SQL.

Logic is two-valued: a comparison with a value that is absent is false, and its
negation true, so that ``not`` gives exactly the rows that its content does not.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias, TypedDict

from engine.sql.expressions import FALSE, TRUE, Access, Sql, all_of, any_of, negation
from models import LogAction, LogStatus
from models.ticket import SEARCH_CONFIGURATION
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.json_values import json_text
from resolvers.text_validation import checked_text

Operators: TypeAlias = Mapping[str, Any]

# More would keep the planner busy for seconds, and beyond 32,767 values PostgreSQL refuses.
MAX_CONDITIONS = 1_000
# In characters. The time to read a search grows with the square of its words.
SEARCH_MAX_LENGTH = 1_000

# The keys "in", "and", "or" and "not" are words of Python's, so the classes are made by call.
TicketFilter = TypedDict(
    "TicketFilter",
    {
        "and": "Sequence[TicketFilter]",
        "or": "Sequence[TicketFilter]",
        "not": "TicketFilter",
        "search": str,
        "id": Operators,
        "subject": Operators,
        "status": Operators,
        "priority": Operators,
        "category": Operators,
        "customer_name": Operators,
        "customer_email": Operators,
        "assigned_to": Operators,
        "created_at": Operators,
        "updated_at": Operators,
        "metadata": Operators,
        "ops_state": Operators,
    },
    total=False,
)


class LogEntryFilter(TypedDict, total=False):
    """Which communications with OPS; its fields are joined by AND."""

    ticket_id: Operators
    delivery_id: Operators
    action: Sequence[LogAction]
    status: Sequence[LogStatus]
    timestamp: Operators


class OpsDeliveryFilter(TypedDict, total=False):
    """Which deliveries; its fields are joined by AND."""

    ticket_id: Operators
    state: Operators
    created_at: Operators


_Path: TypeAlias = tuple[str, ...]


def ticket_condition(filter: TicketFilter | None) -> Sql:
    """Return the condition for tickets; raises InvalidInput, whose path names the operator."""
    if not filter:
        return TRUE
    if (count := _count(filter)) > MAX_CONDITIONS:
        message = f"filter must have at most {MAX_CONDITIONS} conditions, not {count}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, "filter")
    return _ticket_condition(filter, ("filter",))


def _count(filter: TicketFilter) -> int:
    """Return how many conditions a filter has; an empty one counts too."""
    count = 0
    for name, value in filter.items():
        match name:
            case "and" | "or" if value is not None:
                count += sum(map(_count, _items(value)))
            case "not" if value is not None:
                count += _count(_cast(value))
            case _:
                count += 1
    return count or 1


def _ticket_condition(filter: TicketFilter, path: _Path) -> Sql:
    conditions: list[Sql] = []
    for name, value in filter.items():
        here = (*path, name)
        if value is None:
            continue
        match name:
            case "and":
                conditions.append(_every(value, here))
            case "or":
                conditions.append(any_of(_ticket_condition(one, here) for one in _items(value)))
            case "not":
                conditions.append(negation(_ticket_condition(_cast(value), here)))
            case "search":
                conditions.append(_search(str(value), here))
            case _:
                operators: Any = value
                condition = _column_condition(_TICKET_FIELDS, name, operators, here)
                if operators and name in _INDEXED and _COMPARISONS.issuperset(operators):
                    condition = Sql(condition.text, condition.values, Access.ORDERED)
                conditions.append(condition)
    return all_of(conditions)


def log_entry_condition(filter: LogEntryFilter | None) -> Sql:  # the API's word
    """Return the condition for log entries; raises InvalidInput."""
    return _columns_condition(_LOG_ENTRY_FIELDS, filter or {})


def delivery_condition(filter: OpsDeliveryFilter | None) -> Sql:  # the API's word
    """Return the condition for deliveries; raises InvalidInput."""
    return _columns_condition(_DELIVERY_FIELDS, filter or {})


def _every(filters: object, path: _Path) -> Sql:
    # An empty list matches nothing, here as everywhere in a filter.
    items = _items(filters)
    return all_of(_ticket_condition(one, path) for one in items) if items else FALSE


def _items(filters: object) -> Sequence[TicketFilter]:
    return filters  # type: ignore[return-value]  # the schema has checked the shape


def _cast(filter: object) -> TicketFilter:  # the API's word
    return filter  # type: ignore[return-value]  # the schema has checked the shape


def _search(words: str, path: _Path) -> Sql:
    if len(words) > SEARCH_MAX_LENGTH:
        message = f"search must have at most {SEARCH_MAX_LENGTH} characters, not {len(words)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, *path)
    if not checked_text(words, *path).strip():
        return TRUE
    # Behind a SELECT the words become a query once, not for each row, and one plan serves all.
    query = f"(SELECT websearch_to_tsquery('{SEARCH_CONFIGURATION}', $?))"
    return Sql(f"search @@ {query}", (words,), Access.INVERTED)


_Compile: TypeAlias = Callable[[str, Any, _Path], Sql]


def _columns_condition(fields: Mapping[str, _Compile], filter: Mapping[str, Any]) -> Sql:
    return all_of(
        _column_condition(fields, name, value, ("filter", name))
        for name, value in filter.items()
        if value is not None
    )


def _column_condition(fields: Mapping[str, _Compile], name: str, value: Any, path: _Path) -> Sql:
    return fields[name](f'"{name}"', value, path)


def _text(column: str, operators: Operators, path: _Path) -> Sql:
    conditions = []
    for name, value in _given(operators, path):
        here = (*path, name)
        if name == "is_null":
            conditions.append(Sql(f"{column} IS {'' if value else 'NOT '}NULL"))
            continue
        if isinstance(value, list):
            value = [checked_text(one, *here) for one in value]  # noqa: PLW2901
        else:
            checked_text(value, *here)
        conditions.append(_TEXT_OPERATORS[name](column, value))
    return all_of(conditions)


def _enum(column: str, operators: Operators, path: _Path) -> Sql:
    conditions = []
    for name, value in _given(operators, path):
        match name:
            case "gte" | "lte":
                conditions.append(_among(column, _beside(value, name)))
            case "in" | "nin":
                conditions.append(_LIST_OPERATORS[name](column, [one.value for one in value]))
            case _:
                conditions.append(_LIST_OPERATORS[name](column, value.value))
    return all_of(conditions)


def _beside(value: StrEnum, operator: str) -> list[str]:
    members = list(type(value))
    at = members.index(value)
    return [one.value for one in (members[at:] if operator == "gte" else members[: at + 1])]


def _enum_list(column: str, values: Sequence[StrEnum], _path: _Path) -> Sql:
    return _among(column, [value.value for value in values])


def _time(column: str, operators: Operators, path: _Path) -> Sql:
    comparisons = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    return all_of(
        Sql(f"{column} {comparisons[name]} $?", (value,)) for name, value in _given(operators, path)
    )


def _json(column: str, operators: Operators, path: _Path) -> Sql:
    conditions = []
    for name, value in _given(operators, path):
        here = (*path, name)
        match name:
            case "contains":
                text = json_text(value, *here)
                # Behind a SELECT, as the words of a search are.
                conditions.append(Sql(f"{column} @> (SELECT $?::jsonb)", (text,), Access.INVERTED))
            case "has_key":
                # Its index, which has paths, does not know of keys.
                conditions.append(Sql(f"{column} ? $?", (checked_text(value, *here),)))
            case "is_null":
                # A stored JSON null is answered as null, so it is one here too.
                null = Sql(f"coalesce({column}, 'null') = 'null'")
                conditions.append(null if value else negation(null))
    return all_of(conditions)


def _given(operators: Operators, path: _Path) -> list[tuple[str, Any]]:
    for name, value in operators.items():
        if value is None:
            message = f"{name} must not be null: leave it out, or use isNull."
            raise InvalidInput(ErrorCode.INVALID, message, *path, name)
    return list(operators.items())


def _compare(comparison: str, column: str, value: Any) -> Sql:
    return Sql(comparison.format(column), (value,))


def _among(column: str, values: Sequence[str]) -> Sql:
    return Sql(f"{column} = ANY($?::text[])", (list(values),))


_LIST_OPERATORS: dict[str, Callable[[str, Any], Sql]] = {
    "eq": partial(_compare, "{} = $?"),
    "neq": partial(_compare, "{} IS DISTINCT FROM $?"),
    "in": _among,
    "nin": lambda column, values: negation(_among(column, values)),
}
_TEXT_OPERATORS: dict[str, Callable[[str, Any], Sql]] = _LIST_OPERATORS | {
    "contains": partial(_compare, "strpos({}, $?) > 0"),
    "contains_ignore_case": partial(_compare, "strpos(lower({}), lower($?)) > 0"),
    "starts_with": partial(_compare, "starts_with({}, $?)"),
}

_TICKET_FIELDS: dict[str, _Compile] = {
    "id": _text,
    "subject": _text,
    "status": _enum,
    "priority": _enum,
    "category": _text,
    "customer_name": _text,
    "customer_email": _text,
    "assigned_to": _text,
    "created_at": _time,
    "updated_at": _time,
    "metadata": _json,
    "ops_state": _enum,
}
# Columns with an index in an order, and the operators that it answers.
_INDEXED = frozenset({"id", "status", "customer_email", "assigned_to", "created_at", "updated_at"})
_COMPARISONS = frozenset({"eq", "in", "gt", "gte", "lt", "lte"})
_LOG_ENTRY_FIELDS: dict[str, _Compile] = {
    "ticket_id": _text,
    "delivery_id": _text,
    "action": _enum_list,
    "status": _enum_list,
    "timestamp": _time,
}
_DELIVERY_FIELDS: dict[str, _Compile] = {
    "ticket_id": _text,
    "state": _enum,
    "created_at": _time,
}
