"""Repeat work whose prepared statements are outdated; its caller does not notice.

A migration can change the columns of a result (`SELECT *`, `RETURNING *`); PostgreSQL then rejects
the statements that were prepared before. A reset of the session, for example by a pooler between
the server and PostgreSQL, removes its statements. In both cases the statement had no effect. In a
transaction, everything before it is rolled back, so that the whole transaction is repeated.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from engine.database.errors import is_outdated

__all__ = ["ATTEMPTS", "repeats_outdated_statements"]

P = ParamSpec("P")
R = TypeVar("R")

# More than the statements of a migration, and than the connections of a pool that a reset affects.
ATTEMPTS = 20


def repeats_outdated_statements(
    work: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Decorate work that has an effect only if all of it succeeds, such as one transaction."""

    @wraps(work)
    async def repeating(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return await work(*args, **kwargs)
            except Exception as error:
                if not is_outdated(error):
                    raise
        return await work(*args, **kwargs)

    return repeating
