"""Adoption of the former service's database by the first migration.

`adopt` checks the tables ``tickets`` and ``log_entries``, whose columns vary, and all that other
programs attached to them. It raises AdoptionRefused with a list of all problems, or reports each
change and returns the statements that convert the tables to one form. It never changes, truncates
or guesses a value. `rehearse` then tries in a savepoint whether the service can work with them.

Part of the first migration: do not import models, which change after it. Start with `adoption`.
"""

from models.migrations.legacy.adoption import adopt
from models.migrations.legacy.rehearsal import rehearse
from models.migrations.legacy.report import AdoptionRefused, on_change

__all__ = ["AdoptionRefused", "adopt", "on_change", "rehearse"]
