"""The changes of an event: those of a ticket that is created or deleted."""

from collections.abc import Mapping
from typing import Any

import orjson

from resolvers.tables import TICKETS
from resolvers.tickets.statements import AUDITED_FIELDS

__all__ = ["all_changes"]


def all_changes(values: Mapping[str, Any], *, is_deleted: bool = False) -> str:
    """Return the values of a new or deleted ticket as the JSON text of its changes."""
    changes = []
    for name, value in values.items():
        if value is None:
            continue
        # In the form in which the API returns it.
        column = TICKETS.columns[name]
        if column.enum_names is not None:
            value = column.enum_names[value]  # noqa: PLW2901  # the same value
        elif column.is_json:
            value = orjson.Fragment(value)  # noqa: PLW2901  # as above
        before, after = (value, None) if is_deleted else (None, value)
        changes.append({"field": AUDITED_FIELDS[name], "before": before, "after": after})
    return orjson.dumps(changes).decode()
