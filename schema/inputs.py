"""Input objects as plain data."""

from typing import Any

import strawberry
from strawberry.types import has_object_definition


def given(value: Any) -> Any:
    """Return what a caller gave: objects as dictionaries by Python name, without the absent fields."""
    if isinstance(value, list):
        return [given(item) for item in value]
    if has_object_definition(value):
        return {
            field.python_name.rstrip("_"): given(content)
            for field in value.__strawberry_definition__.fields
            if (content := getattr(value, field.python_name)) is not strawberry.UNSET
        }
    return value


def given_arguments(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that a caller gave."""
    return {name: given(value) for name, value in arguments.items() if value is not strawberry.UNSET}
