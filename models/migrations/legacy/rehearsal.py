"""Try in a savepoint whether the service can work with the adopted tables.

Triggers, policies, publications and constraints of other programs can reject a statement, or
replace it by another, under conditions that the catalog does not show. The rehearsal therefore
runs each kind of statement of the service once, on a copy of an existing row, and is rolled back.
"""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException

from models.migrations.legacy.report import refuse
from models.migrations.legacy.tables import COLUMNS

# Ids that are unlikely to exist.
_ID = "ticketops-adoption-rehearsal"
_SECOND_ID = f"{_ID}-2"
_TIMEOUT_S = 30

_NEW = {
    "tickets": {
        "subject": "'Rehearsal of the adoption'",
        "description": "''",
        "status": "'open'",
        "priority": "'low'",
        "category": "'general'",
        "customer_name": "'Rehearsal'",
        "customer_email": "'Rehearsal@example.com'",
        "customer_phone": "NULL",
        "assigned_to": "NULL",
        "metadata": "NULL",
    },
    "log_entries": {
        "ticket_id": "'Rehearsal'",
        "action": "'send'",
        "status": "'failed'",
        "timestamp": "clock_timestamp()",
        "response": "NULL",
    },
}

_ROW_TRIGGERS = """
SELECT quote_ident(tgname) AS name
FROM pg_trigger
WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgenabled NOT IN ('D', 'R')
  -- Before each row (bits 1 and 2), for this kind of statement.
  AND tgtype & 3 = 3 AND tgtype & $2 <> 0
ORDER BY tgname
"""
# Sequences of the tables' own columns. Nobody else can advance them, because the tables are locked.
_SEQUENCES = """
SELECT DISTINCT d.objid::regclass::text AS name
FROM pg_depend AS d
JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid = to_regclass($1) AND d.deptype IN ('a', 'i')
"""
_INTEGRITY_CLASS = "23"
# A foreign key depends on the values; the service reports its violations to its client.
_FOREIGN_KEY_VIOLATION = "23503"
# Unique and exclusion violations.
_DUPLICATES = ("23505", "23P01")
# Violations that a copy of a row can cause by its values.
_BY_COPIED_VALUES = (_FOREIGN_KEY_VIOLATION, *_DUPLICATES)


class _Step(NamedTuple):
    """A statement that must return the id of the row, and the bit of its kind in pg_trigger."""

    description: str
    statement: str
    trigger_bit: int
    id: str = _ID


class _StepError(NamedTuple):
    """A line about a statement that failed or had no effect, and its SQLSTATE, if any."""

    line: str
    sqlstate: str


def _insert(table: str, source: str, id: str = _ID) -> _Step:
    names = ", ".join(("id", *_NEW[table]))
    conflict = " ON CONFLICT (id) DO NOTHING" if table == "log_entries" else ""
    statement = (
        f"WITH new AS (INSERT INTO {table} ({names}) SELECT '{id}', {source}{conflict}"
        f" RETURNING id) SELECT id FROM new"
    )
    return _Step("inserted", statement, 4, id)


def _new_rows(table: str) -> Sequence[_Step]:
    """Return the steps that insert two rows, whose texts differ."""
    others = [value.replace("Rehearsal", "Second") for value in _NEW[table].values()]
    return [
        _insert(table, ", ".join(_NEW[table].values())),
        _insert(table, ", ".join(others), _SECOND_ID),
    ]


def _copied_row(table: str) -> _Step:
    """Return the step that inserts a row with values that constraints have accepted."""
    return _insert(table, f"{', '.join(_NEW[table])} FROM {table} LIMIT 1")


def _later_steps(table: str) -> Sequence[_Step]:
    if table == "log_entries":
        # The service never changes a log entry.
        return []
    same = ", ".join(f"{name} = {table}.{name}" for name in _NEW[table])
    return [
        _Step(
            "updated",
            f"WITH changed AS (UPDATE {table} SET {same}, version = version + 1,"
            f" updated_at = clock_timestamp() WHERE id = '{_ID}' RETURNING id, version)"
            f" SELECT id FROM changed WHERE version = 2",
            16,
        ),
        _Step("locked", f"SELECT id FROM {table} WHERE id = '{_ID}' FOR UPDATE", 0),
        _Step(
            "deleted",
            f"WITH gone AS (DELETE FROM {table} WHERE id = '{_ID}' RETURNING id)"
            f" SELECT id FROM gone",
            8,
        ),
    ]


async def rehearse(db: BaseDBAsyncClient) -> None:
    """Raise AdoptionRefused if the service cannot write rows. Call this after the conversion."""
    problems = []
    for table in COLUMNS:
        sequences = await _sequences(db, table)
        error = await _error_in(db, table, [*_new_rows(table), *_later_steps(table)])
        if error is not None and error.sqlstate.startswith(_INTEGRITY_CLASS):
            error = await _error_with_other_values(db, table, error)
        # A rollback does not restore sequences.
        for name, (last_value, is_called) in sequences.items():
            await db.execute_query_dict(
                "SELECT setval($1::text::regclass, $2, $3)", [name, last_value, is_called]
            )
        if error is not None:
            problems.append(error.line)
    refuse("The service cannot work with these tables", problems)


async def _error_with_other_values(
    db: BaseDBAsyncClient, table: str, error: _StepError
) -> _StepError | None:
    """Return the error, or that of a copied row; None if it depends on the values."""
    if not await db.execute_query_dict(f"SELECT FROM {table} LIMIT 1"):
        return None if error.sqlstate == _FOREIGN_KEY_VIOLATION else error
    copied = await _error_in(db, table, [_copied_row(table), *_later_steps(table)])
    if copied is not None and copied.sqlstate not in _BY_COPIED_VALUES:
        return copied
    # Two new rows differ in their texts, so that only the defaults of other columns are equal.
    return error if error.sqlstate in _DUPLICATES else None


async def _error_in(db: BaseDBAsyncClient, table: str, steps: Sequence[_Step]) -> _StepError | None:
    """Run statements in a savepoint until one fails, and undo them."""
    await db.execute_script("SAVEPOINT rehearsal")
    try:
        await db.execute_script(
            f"SET LOCAL statement_timeout = '{_TIMEOUT_S}s'; SET CONSTRAINTS ALL IMMEDIATE"
        )
        for step in steps:
            try:
                rows = await db.execute_query_dict(step.statement)
            except (asyncpg.PostgresError, BaseORMException) as error:
                return _failed(table, step, error)
            if [row["id"] for row in rows] != [step.id]:
                found = await db.execute_query_dict(_ROW_TRIGGERS, [table, step.trigger_bit])
                return _ineffective(table, step, [row["name"] for row in found])
    finally:
        await db.execute_script("ROLLBACK TO SAVEPOINT rehearsal; RELEASE SAVEPOINT rehearsal")
    return None


def _failed(table: str, step: _Step, error: Exception) -> _StepError:
    cause = error if isinstance(error, asyncpg.PostgresError) else error.__cause__
    # The first line is the innermost: the function of a trigger, if one raised the error.
    context = str(getattr(cause, "context", None) or "").split("\n")[0]
    text = " ".join(f"{cause or error}".split())
    line = (
        f"{table}: a row cannot be {step.description}: {text}{f' ({context})' if context else ''}."
        f" Change or drop the object that causes it"
    )
    return _StepError(line, getattr(cause, "sqlstate", None) or "")


def _ineffective(table: str, step: _Step, triggers: Sequence[str]) -> _StepError:
    problem = f"{table}: a row cannot be {step.description}, although PostgreSQL reports no error"
    if not triggers:
        return _StepError(f"{problem}. Change or drop the object that causes it", "")
    listed = " or ".join(triggers)
    line = (
        f"{problem}: the trigger {listed} prevents or replaces it. Run: ALTER TABLE {table} DISABLE"
        f" TRIGGER {triggers[0]}"
    )
    return _StepError(line, "")


async def _sequences(db: BaseDBAsyncClient, table: str) -> dict[str, tuple[int, bool]]:
    found = {}
    for sequence in await db.execute_query_dict(_SEQUENCES, [table]):
        [row] = await db.execute_query_dict(
            f"SELECT last_value, is_called FROM {sequence['name']}"  # a name of the catalog
        )
        found[sequence["name"]] = (row["last_value"], row["is_called"])
    return found
