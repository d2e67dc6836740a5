"""The migrations of this program, and which of them a database records as applied."""

from collections.abc import Iterable
from pathlib import Path

import asyncpg

import models
from app.database.tortoise import APP
from app.errors import CommandError

__all__ = [
    "EXPECTED_VERSION",
    "FOLDER",
    "VERSIONS",
    "MigrationRefused",
    "applied_versions",
    "migration_number",
    "newest_version",
    "schema_version",
]

FOLDER = Path(models.__file__).parent / "migrations"

# The columns that aerich writes, with the types that it can write to.
_COLUMNS = {
    "id": ("integer", "bigint"),
    "version": ("character varying", "text"),
    "app": ("character varying", "text"),
    "content": ("jsonb", "json"),
}
_RECORD = """
SELECT
    c.oid::regclass::text AS name,
    c.relkind IN ('r', 'p') AS is_table,
    n.nspname = current_schema() AS is_in_first_schema,
    has_table_privilege(c.oid, 'SELECT') AS may_read,
    has_table_privilege(c.oid, 'INSERT') AS may_write,
    current_user::text AS role,
    ARRAY (
        SELECT a.attname::text || ' ' || format_type(a.atttypid, NULL)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS columns
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('aerich')
"""


class MigrationRefused(CommandError):
    """The database cannot be migrated to the version of the program."""


def migration_number(version: str) -> int:
    """Return the number at the start of a migration's name, by which migrations are ordered."""
    number = version.split("_", 1)[0]
    # Other programs may have names without numbers.
    return int(number) if number.isdecimal() else -1


# The names of the migrations, as aerich records them, oldest first.
VERSIONS = tuple(sorted((path.name for path in FOLDER.glob("[0-9]*_*.py")), key=migration_number))
EXPECTED_VERSION = VERSIONS[-1]


async def schema_version(connection: asyncpg.Connection) -> str | None:
    """Return the name of the newest applied migration, None if there is none."""
    return newest_version(await applied_versions(connection))


def newest_version(versions: Iterable[str]) -> str | None:
    """Return the newest of some migrations, None if there is none."""
    return max(versions, key=migration_number, default=None)


async def applied_versions(
    connection: asyncpg.Connection, *, to_migrate: bool = False
) -> list[str]:
    """Return the migrations that the database records; raise MigrationRefused.

    A table ``aerich`` of another program is refused where this program would create its own, and
    ignored in a later schema of the search_path.
    """
    record = await connection.fetchrow(_RECORD)
    if record is None:
        return []
    versions: list[str] = []
    refusal = _why_unusable(record, to_migrate=to_migrate)
    if refusal is None:
        rows = await connection.fetch("SELECT version FROM aerich WHERE app = $1", APP)
        versions = [row["version"] for row in rows]
        if versions and VERSIONS[0] not in versions:
            newest = max(versions, key=migration_number)
            refusal = MigrationRefused(
                f'The table "{record["name"]}" records the migrations of another program, such as'
                f' "{newest}".',
                hint="Use another database, or put another schema first in the search_path.",
            )
    if refusal is None:
        return versions
    if record["is_in_first_schema"]:
        raise refusal
    return []


def _why_unusable(record: asyncpg.Record, *, to_migrate: bool) -> MigrationRefused | None:
    """Return the refusal of a table in which aerich cannot record migrations."""
    found = dict(column.split(" ", 1) for column in record["columns"])
    reasons = [
        f'its column "{name}" is {found[name]}' if name in found else f'it has no column "{name}"'
        for name, types in _COLUMNS.items()
        if found.get(name) not in types
    ]
    if not record["is_table"]:
        reasons = ["it is not a table"]
    if reasons:
        return MigrationRefused(
            f'"{record["name"]}" exists, but the migrations cannot be recorded in it:'
            f" {reasons[0]}.",
            hint=f"Run: ALTER TABLE {record['name']} RENAME TO aerich_old",
        )
    if not record["may_read"] or (to_migrate and not record["may_write"]):
        access, privileges = ("write", "SELECT, INSERT") if to_migrate else ("read", "SELECT")
        return MigrationRefused(
            f'The role "{record["role"]}" cannot {access} the table "{record["name"]}", which'
            f" records the migrations.",
            hint=f'Run: GRANT {privileges} ON {record["name"]} TO "{record["role"]}"',
        )
    return None
