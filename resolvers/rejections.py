"""Changes that the database rejects, as errors that the client can fix.

The owner of the database can attach constraints, triggers and policies to the tables. A rejection
depends on the values of a request, so its client receives PostgreSQL's message.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import asyncpg
from tortoise.exceptions import BaseORMException

from engine.database.errors import is_unavailable, postgres_error
from ops import ChangeIgnored
from resolvers.errors import ApiError, Conflict, ErrorCode, InvalidInput

__all__ = ["ignored_change", "reports_rejections"]

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=ApiError)

_MAX_MESSAGE_LENGTH = 500

# Prefixes of SQLSTATE codes (PostgreSQL, appendix A): the current state does not allow the change.
_CONFLICTS = (
    "23001",  # restrict violation: another row refers to this one
    "23505",  # unique violation
    "23P01",  # exclusion violation
    "55000",  # such as a published table without a replica identity
)
_FOREIGN_KEY_VIOLATION = "23503"
# The values do not allow it.
_INVALID = (
    "22",  # data exception, such as a value that a trigger cannot convert
    "23",  # other constraints
    "44",  # check option of a view
    "54000",  # an index cannot store such a long value
    "P0",  # raised by a trigger
)
_INSUFFICIENT_PRIVILEGE = "42501"
# The function of PostgreSQL that reports violations of policies.
_POLICY_CHECK = "ExecWithCheckOptions"
_NOT_SUPPORTED = "0A000"
# The function of PostgreSQL that applies rules.
_RULES = "RewriteQuery"
# Our own function, which only a bug or a limit of PostgreSQL can fail.
_OWN_FUNCTION = "jsonb_merge_patch"

_logger = logging.getLogger(__name__)


def reports_rejections(
    *, is_deletion: bool = False
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Make a resolver raise InvalidInput or Conflict for a change that the database rejects.

    This includes rejections at the commit, therefore it surrounds the whole transaction.
    """

    def decorate(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @wraps(resolver)
        async def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await resolver(*args, **kwargs)
            except ChangeIgnored as ignored:
                raise ignored_change(ignored.table) from ignored
            except (asyncpg.PostgresError, BaseORMException) as error:
                rejection = _rejection(error, is_deletion=is_deletion)
                if rejection is None:
                    raise
                raise rejection from error

        return reporting

    return decorate


def ignored_change(table: str) -> Conflict:
    """Return the error for a statement that a trigger or a rule of a table made ineffective."""
    _logger.warning("change ignored by the database", extra={"fields": {"table": table}})
    return _verbatim(
        Conflict(
            ErrorCode.INVALID_STATE,
            f'The database ignored the change: a trigger, rule or policy of the table "{table}"'
            " prevents it. Ask the owner of the database.",
        )
    )


def _rejection(error: Exception, *, is_deletion: bool) -> ApiError | None:
    """Return the error for the client; None if the statement itself is at fault."""
    cause = postgres_error(error)
    if cause is None or is_unavailable(error):
        return None
    is_conflict = (
        cause.sqlstate.startswith(_CONFLICTS)
        or (is_deletion and cause.sqlstate == _FOREIGN_KEY_VIOLATION)
        or (cause.sqlstate == _NOT_SUPPORTED and cause.server_source_function == _RULES)
    )
    if not is_conflict and not _is_invalid(cause):
        return None
    fields = {"sqlstate": cause.sqlstate, "constraint": cause.constraint_name}
    _logger.warning("change rejected by the database", extra={"fields": fields})
    text = " ".join(str(cause.args[0] if cause.args else cause).split())
    message = f"The database rejected the change: {text[:_MAX_MESSAGE_LENGTH].rstrip('.')}."
    if is_conflict:
        return _verbatim(Conflict(ErrorCode.INVALID_STATE, message))
    return _verbatim(InvalidInput(ErrorCode.INVALID, message))


def _is_invalid(error: asyncpg.PostgresError) -> bool:
    if error.sqlstate.startswith(_INVALID):
        return True
    if error.sqlstate == _INSUFFICIENT_PRIVILEGE:
        return error.server_source_function == _POLICY_CHECK or error.context is not None
    # Raised by a function of a trigger, which can choose any SQLSTATE.
    return error.context is not None and _OWN_FUNCTION not in error.context


def _verbatim(error: E) -> E:
    """Mark the message as the database's: its names are not names of arguments."""
    error.names_arguments = False
    return error
