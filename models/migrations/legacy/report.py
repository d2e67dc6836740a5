"""Reports of an adoption: the changes that it makes, or the problems for which it is refused."""

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar

_logger = logging.getLogger(__name__)


class AdoptionRefused(Exception):
    """The former service's database cannot be adopted; the message lists all problems."""


def refuse(reason: str, lines: Iterable[str]) -> None:
    """Raise AdoptionRefused if there are any problems."""
    if problems := "\n  ".join(lines):
        message = f"{reason}. Nothing was changed.\n\n  {problems}\n"
        raise AdoptionRefused(message)


def _log(change: str) -> None:
    _logger.warning("adoption changes the database", extra={"fields": {"change": change}})


# Called with a line of text for each change, before anything is changed. aerich calls a migration
# without arguments of its caller, therefore a context variable.
on_change: ContextVar[Callable[[str], None]] = ContextVar("on_change", default=_log)
