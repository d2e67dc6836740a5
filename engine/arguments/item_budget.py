"""Limit of the list items in the variables of one operation."""

from math import inf

from engine.errors import LimitExceeded

__all__ = ["MAX_ITEMS", "ItemBudget", "too_many_items"]

# Items in all lists of one operation's variables, nested lists included. Lists in the value of a
# scalar do not count.
MAX_ITEMS = 10_000


class ItemBudget:
    """Number of list items still allowed in the variables that are being coerced.

    It can be global, because coercion never awaits. `Variables.coerce` sets it; it is infinite
    for everything else.
    """

    left: float = inf


def too_many_items() -> LimitExceeded:
    """Return the error for variables with too many items."""
    return LimitExceeded(
        f"The lists in the variables have more than {MAX_ITEMS} items in all, which is a fixed"
        " limit. Send them in several operations."
    )
