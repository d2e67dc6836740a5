"""The changes of an event: those of a ticket that is created or deleted."""

from collections.abc import Mapping
from typing import Any

import orjson

from engine.sql.tables import Column
from resolvers.tables import TICKETS
from resolvers.tickets.statements import AUDITED_FIELDS

__all__ = ["all_changes"]


def all_changes(values: Mapping[str, Any], *, is_deleted: bool = False) -> str:
    """Return the values of a new or deleted ticket as the JSON text of its changes."""
    fields = [
        (AUDITED_FIELDS[name], _api_value(TICKETS.columns[name], value))
        for name, value in values.items()
        if value is not None
    ]
    return orjson.dumps(
        [
            {"field": field, "before": value, "after": None}
            if is_deleted
            else {"field": field, "before": None, "after": value}
            for field, value in fields
        ]
    ).decode()


def _api_value(column: Column, value: Any) -> Any:
    """Return a value in the form in which the API returns it."""
    if column.enum_names is not None:
        return column.enum_names[value]
    return orjson.Fragment(value) if column.is_json else value
