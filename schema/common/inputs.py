"""Arguments as plain data."""

from typing import Any

import strawberry


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that a caller gave."""
    return {name: value for name, value in arguments.items() if value is not strawberry.UNSET}


def fields_of(input: Any) -> dict[str, Any]:
    """Return the fields of an input object that a caller gave, or that have a default.

    At run time an input object is such a dictionary (see `schema.direct`): its class
    declares the shape.
    """
    return dict(input)
