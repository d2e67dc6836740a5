"""Arguments and input objects as dictionaries of the values that the client sent."""

from typing import Annotated, Any, TypeVar

import strawberry

T = TypeVar("T")

# The argument of every mutation.
Input = Annotated[T, strawberry.argument(description="Input of the mutation.")]

IDEMPOTENCY_KEY = (
    "Key of the client's choice: 1 to 255 characters. A repeated call of the same caller with the"
    " same key and input returns the first result; with another input it fails with"
    " IDEMPOTENCY_KEY_REUSED."
)


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that the client sent."""
    return {name: value for name, value in arguments.items() if value is not strawberry.UNSET}


def fields_of(input: Any) -> dict[str, Any]:
    """Return the fields of an input object that the client sent or that have a default.

    At run time an input object is such a dictionary (see `schema.direct`); its class
    declares the fields.
    """
    return dict(input)
