"""Limits of the list items in the variables of one operation."""

from math import inf

from engine.errors import LimitExceeded

__all__ = ["MAX_ITEMS", "MAX_OBJECTS", "ItemBudget", "too_many_items", "too_many_objects"]

# Items in all lists of one operation's variables, nested lists included. Lists in the value of a
# scalar do not count.
MAX_ITEMS = 10_000
# Those of one variable that are input objects. They take longer than scalars, and a variable is
# coerced in one turn of the event loop.
MAX_OBJECTS = 2_500


class ItemBudget:
    """Numbers of list items still allowed in the variables that are being coerced.

    They can be global, because coercion never awaits. `Variables.coerce` sets them; they are
    infinite for everything else.
    """

    left: float = inf
    # In the current variable.
    objects_left: float = inf


def too_many_items() -> LimitExceeded:
    """Return the error for variables with too many items."""
    return LimitExceeded(
        f"The lists in the variables have more than {MAX_ITEMS} items in all, which is a fixed"
        " limit. Send them in several operations."
    )


def too_many_objects() -> LimitExceeded:
    """Return the error for a variable with too many input objects."""
    return LimitExceeded(
        f"The lists in a variable have more than {MAX_OBJECTS} objects in all, which is a fixed"
        " limit. Send them in several operations."
    )
