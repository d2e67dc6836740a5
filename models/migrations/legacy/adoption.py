"""Check the former service's tables, and return the statements that convert them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tortoise import BaseDBAsyncClient

from models.migrations.legacy import columns
from models.migrations.legacy.constraints import quoted
from models.migrations.legacy.location import ExistingTable, existing_tables, taken_names
from models.migrations.legacy.objects import Objects, attached_objects
from models.migrations.legacy.report import on_change, refuse
from models.migrations.legacy.tables import COLUMNS, CREATE
from models.migrations.legacy.values import incompatible_values, rows_marked_as_deleted

# The migration fails if it cannot lock the tables within this time.
LOCK_TIMEOUT_S = 10


class Adoption(NamedTuple):
    """The SQL that creates or converts the two tables, and whether there are any to convert."""

    script: str
    has_tables: bool


async def adopt(db: BaseDBAsyncClient) -> Adoption:
    """Return the SQL that creates or converts the two tables. Raise AdoptionRefused.

    Call this in the migration's transaction. The tables are locked before they are checked, so
    that no row changes between the check and the migration.
    """
    tables = await existing_tables(db)
    script = [CREATE[table] for table in COLUMNS if table not in tables]
    if not tables:
        refuse("The tables cannot be created", await taken_names(db, ()))
        return Adoption("\n".join(script), has_tables=False)
    await db.execute_script(
        # Converting a large table takes long, but waiting for its lock must not.
        f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s';"
        f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE;"
    )
    found = {table: await columns.found_columns(db, table) for table in tables}
    objects = await _checked_objects(db, tables, found)
    refuse(
        "The new tables cannot store some values",
        [line for table in tables for line in await _value_problems(db, table, found[table])],
    )
    report = on_change.get()
    for change in objects.changes():
        report(change)
    for table in tables:
        for change in columns.changes(table, found[table]):
            report(change)
    script += _detach(objects)
    for table in tables:
        script += columns.convert(table, found[table])
        script += _primary_key(objects, table)
    return Adoption("\n".join(script), has_tables=True)


async def _checked_objects(
    db: BaseDBAsyncClient,
    tables: Mapping[str, ExistingTable],
    found: Mapping[str, Mapping[str, columns.Found]],
) -> Objects:
    converted = {table: columns.converted_columns(table, found[table]) for table in tables}
    objects = await attached_objects(db, tables, converted)
    problems = [
        line for table in tables for line in columns.incompatible_columns(table, found[table])
    ]
    for table in tables:
        problems += await columns.dependents(db, table, found[table])
    problems += objects.problems
    keys = [key for table in tables if (key := objects.primary_key(table))]
    replaced = [each.index_oid for each in (*objects.replaced, *keys)]
    problems += await taken_names(db, replaced)
    refuse("The tables are not those of the former service", problems)
    return objects


async def _value_problems(
    db: BaseDBAsyncClient, table: str, found: Mapping[str, columns.Found]
) -> list[str]:
    return await incompatible_values(
        db,
        table,
        {name: (wanted, found[name].base_type) for name, wanted in COLUMNS[table].items()},
    ) + await rows_marked_as_deleted(
        db,
        table,
        {name: column.base_type for name, column in found.items() if name not in COLUMNS[table]},
    )


def _detach(objects: Objects) -> Iterable[str]:
    """Yield statements that drop what the migration replaces.

    Foreign keys are dropped first, because they depend on other constraints, and a table that
    refers to an unlogged one cannot become logged.
    """
    for key in objects.dropped_keys:
        yield key.drop
    for table in objects.reset_identities:
        yield f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT;"
    for constraint in objects.replaced:
        yield constraint.drop
    for table in objects.unlogged:
        yield f"ALTER TABLE {table} SET LOGGED;"


def _primary_key(objects: Objects, table: str) -> Iterable[str]:
    name = f"{table}_pkey"
    key = objects.primary_key(table)
    if key is None:
        yield f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY (id);"
    elif key.name != name:
        yield f"ALTER TABLE {table} RENAME CONSTRAINT {quoted(key.name)} TO {name};"
