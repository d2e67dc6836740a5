"""The state of a database's schema, and whether this program runs with a newer one."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.database.applied import (
    EXPECTED_VERSION,
    VERSIONS,
    MigrationRefused,
    applied_versions,
    migration_number,
    newest_version,
)

__all__ = ["SchemaState", "schema_state"]

_TABLE = """
SELECT
    c.oid::regclass::text AS name,
    has_table_privilege(c.oid, 'SELECT') AS may_read,
    current_user::text AS role
FROM pg_class AS c
WHERE c.oid = to_regclass('schema_compatibility')
"""
_OLDEST_CODE = """
SELECT version, oldest_code FROM schema_compatibility WHERE version = ANY($1::text[])
"""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Newest applied migrations: of those that this program has, and of those that it lacks.

    ``newer`` is None unless the database is newer than the program; the program then runs with it.
    """

    known: str | None
    newer: str | None = None

    @property
    def version(self) -> str | None:
        """Name of the newest applied migration; None on a database that was never migrated."""
        return self.newer or self.known

    @property
    def is_migrated(self) -> bool:
        """Whether all migrations of the program are applied."""
        return self.known == EXPECTED_VERSION


async def schema_state(connection: asyncpg.Connection, *, to_migrate: bool = False) -> SchemaState:
    """Return the state of the schema; raise MigrationRefused if this program cannot run with it.

    With ``to_migrate`` also if further migrations could not be recorded.
    """
    applied = await applied_versions(connection, to_migrate=to_migrate)
    known = newest_version(set(applied) & set(VERSIONS))
    unknown = sorted(set(applied) - set(VERSIONS), key=migration_number)
    if not unknown:
        return SchemaState(known)
    is_newer = migration_number(unknown[0]) > migration_number(EXPECTED_VERSION)
    if not is_newer or known != EXPECTED_VERSION:
        raise MigrationRefused(
            f"The database is at {unknown[-1]}, which does not continue the migrations of this"
            f" program: it has {unknown[0]} without {EXPECTED_VERSION}.",
            hint="Use the version of the program that migrated the database.",
        )
    await _refuse_incompatible(connection, unknown)
    return SchemaState(known, newer=unknown[-1])


async def _refuse_incompatible(connection: asyncpg.Connection, unknown: Sequence[str]) -> None:
    """Raise MigrationRefused unless all newer migrations admit this program."""
    newer = (
        f"The database is newer than this program: it is at {unknown[-1]}, the program at"
        f" {EXPECTED_VERSION}."
    )
    hint = "Use a newer version of the program."
    table = await connection.fetchrow(_TABLE)
    if table is None:
        raise MigrationRefused(newer, hint=hint)
    if not table["may_read"]:
        raise MigrationRefused(
            f'{newer} The role "{table["role"]}" cannot read whether they run together.',
            hint=f'Run: GRANT SELECT ON {table["name"]} TO "{table["role"]}"',
        )
    rows = await connection.fetch(_OLDEST_CODE, unknown)
    oldest_code = {row["version"]: row["oldest_code"] for row in rows}
    for version in unknown:
        required = oldest_code.get(version)
        if required is None:
            raise MigrationRefused(
                f"{newer} Whether they run together is not recorded for {version}.", hint=hint
            )
        if required > migration_number(EXPECTED_VERSION):
            raise MigrationRefused(
                f"{newer} {version} needs a program with migration {required} or newer.", hint=hint
            )
