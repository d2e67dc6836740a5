"""Constraints and unique indexes of the former service's tables.

Those of the service's own columns alone are replaced by the migration's, and therefore dropped.
Whatever has a column that the former service does not know belongs to another program and stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.tables import ADDED, COLUMNS

# Constraints, and unique indexes without a constraint. An expression has its columns in pg_depend.
_CONSTRAINTS = """
WITH found AS (
    SELECT
        con.oid, con.conrelid AS table_oid, con.conname::text AS name, con.contype::text AS kind,
        con.conindid AS index_oid, con.condeferrable AS is_deferrable, con.conkey,
        pg_get_constraintdef(con.oid) AS definition
    FROM pg_constraint AS con
    WHERE con.conrelid = ANY ($1::bigint[]::oid[]) AND con.contype IN ('c', 'u', 'x', 'p')
    UNION ALL
    SELECT
        NULL, i.indrelid, c.relname::text, 'i', i.indexrelid, FALSE, NULL,
        pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY ($1::bigint[]::oid[]) AND i.indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
)
SELECT
    t.relname::text AS table,
    found.name,
    found.kind,
    found.index_oid::bigint AS index_oid,
    found.is_deferrable,
    found.definition,
    coalesce(i.indisreplident, FALSE) AS is_replica_identity,
    ARRAY (
        SELECT a.attname::text
        FROM pg_attribute AS a
        WHERE a.attrelid = found.table_oid
          AND (
              a.attnum = ANY (found.conkey)
              OR EXISTS (
                  SELECT
                  FROM pg_depend AS d
                  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                    AND d.refobjsubid = a.attnum
                    AND (
                        (d.classid = 'pg_class'::regclass AND d.objid = found.index_oid)
                        OR (d.classid = 'pg_constraint'::regclass AND d.objid = found.oid)
                    )
              )
          )
          AND a.attnum > 0
        ORDER BY a.attnum
    ) AS columns
FROM found
JOIN pg_class AS t ON t.oid = found.table_oid
LEFT JOIN pg_index AS i ON i.indexrelid = found.index_oid
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint, or a unique index without one."""

    table: str
    name: str
    # c: check, u: unique, x: exclusion, p: primary key, i: unique index.
    kind: str
    index_oid: int
    is_deferrable: bool
    definition: str
    is_replica_identity: bool
    columns: list[str]

    @property
    def is_primary_key(self) -> bool:
        """Whether it is a primary key that the service can use."""
        return self.kind == "p" and self.columns == ["id"] and not self.is_deferrable

    @property
    def is_replaced(self) -> bool:
        """Whether the adoption drops it, because the migration adds its own."""
        if self.kind == "p":
            return not self.is_primary_key
        return bool(self.columns) and set(self.columns) <= COLUMNS[self.table].keys()

    @property
    def drop(self) -> str:
        """The statement that drops it."""
        name = quoted(self.name)
        if self.kind == "i":
            return f"DROP INDEX {name};"
        return f"ALTER TABLE {self.table} DROP CONSTRAINT {name};"


async def found_constraints(db: BaseDBAsyncClient, oids: Sequence[int]) -> list[Constraint]:
    """Return the constraints and unique indexes of tables; foreign keys are not included."""
    return [Constraint(**row) for row in await db.execute_query_dict(_CONSTRAINTS, [list(oids)])]


def name_problems(constraints: Sequence[Constraint]) -> Iterable[str]:
    """Yield a line for each constraint that stays, but has the name of a new one."""
    for each in constraints:
        new = {f"{each.table}_{name}_check" for name in (*COLUMNS[each.table], *ADDED[each.table])}
        if each.name in new and not each.is_replaced:
            yield (
                f'{each.table}: the constraint "{each.name}" has the name of a new one. Run: ALTER'
                f' TABLE {each.table} RENAME CONSTRAINT "{each.name}" TO "{each.name}_old"'
            )


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
