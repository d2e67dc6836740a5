"""Constraints, indexes, rules and publications of the former service's tables.

A constraint or unique index of the service's own columns is replaced by the migration's, and
therefore dropped. Whatever has a column that the former service does not know belongs to another
program and stays. So does a foreign key to or from another table; if it cannot stay, the adoption
is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.location import ExistingTable
from models.migrations.legacy.tables import ADDED, COLUMNS

# Types between which PostgreSQL supports foreign keys, with text on one side.
_TEXT = ("text", "character varying")

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

_FOREIGN_KEYS = """
SELECT
    con.conname::text AS name,
    con.conrelid::bigint AS from_oid,
    con.confrelid::bigint AS to_oid,
    con.conrelid::regclass::text AS from_table,
    con.confrelid::regclass::text AS to_table,
    con.conindid::bigint AS index_oid,
    to_table.relpersistence = 'u' AS refers_to_unlogged,
    pairs.from_columns, pairs.from_types, pairs.to_columns, pairs.to_types
FROM pg_constraint AS con
JOIN pg_class AS to_table ON to_table.oid = con.confrelid
CROSS JOIN LATERAL (
    SELECT
        array_agg(f.attname::text ORDER BY n) AS from_columns,
        array_agg(format_type(f.atttypid, NULL) ORDER BY n) AS from_types,
        array_agg(t.attname::text ORDER BY n) AS to_columns,
        array_agg(format_type(t.atttypid, NULL) ORDER BY n) AS to_types
    FROM unnest(con.conkey, con.confkey) WITH ORDINALITY AS key (from_key, to_key, n)
    JOIN pg_attribute AS f ON f.attrelid = con.conrelid AND f.attnum = key.from_key
    JOIN pg_attribute AS t ON t.attrelid = con.confrelid AND t.attnum = key.to_key
) AS pairs
WHERE con.contype = 'f'
  AND (con.conrelid = ANY ($1::bigint[]::oid[]) OR con.confrelid = ANY ($1::bigint[]::oid[]))
ORDER BY 1
"""

# A rule with the enabled state D (disabled) or R (replica) has no effect in an ordinary session.
_RULES = """
SELECT t.relname::text AS table, quote_ident(r.rulename) AS name
FROM pg_rewrite AS r
JOIN pg_class AS t ON t.oid = r.ev_class
WHERE r.ev_class = ANY ($1::bigint[]::oid[]) AND r.ev_enabled NOT IN ('D', 'R')
ORDER BY 1, 2
"""

_PUBLICATIONS = """
SELECT p.pubname::text AS name, string_agg(p.tablename::text, ', ' ORDER BY p.tablename) AS tables
FROM pg_publication_tables AS p
JOIN pg_class AS c ON c.relname = p.tablename
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = p.schemaname
WHERE c.oid = ANY ($1::bigint[]::oid[])
GROUP BY 1
ORDER BY 1
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


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key from or to one of the tables."""

    name: str
    from_oid: int
    to_oid: int
    from_table: str
    to_table: str
    index_oid: int
    refers_to_unlogged: bool
    from_columns: list[str]
    from_types: list[str]
    to_columns: list[str]
    to_types: list[str]

    @property
    def drop(self) -> str:
        """The statement that drops it."""
        return f"ALTER TABLE {self.from_table} DROP CONSTRAINT {quoted(self.name)};"


@dataclass(frozen=True, slots=True)
class Objects:
    """What is attached to the tables: statements, changes to report, and problems."""

    constraints: Sequence[Constraint]
    dropped_keys: Sequence[ForeignKey]
    problems: Sequence[str]
    # Replaced identities of rows for replication.
    reset_identities: Sequence[str]
    unlogged: Sequence[str]
    publications: Sequence[str]

    @property
    def replaced(self) -> list[Constraint]:
        """Constraints that are dropped."""
        return [constraint for constraint in self.constraints if constraint.is_replaced]

    def primary_key(self, table: str) -> Constraint | None:
        """Return the primary key that a table keeps."""
        for constraint in self.constraints:
            if constraint.table == table and constraint.is_primary_key:
                return constraint
        return None

    def changes(self) -> Iterable[str]:
        """Yield a line for each change."""
        for key in self.dropped_keys:
            columns = ", ".join(key.from_columns)
            yield (
                f'{key.from_table}: the foreign key "{key.name}" on {columns} is dropped, because'
                f" log entries are kept when their ticket is deleted"
            )
        for constraint in self.replaced:
            kind = "unique index" if constraint.kind == "i" else "constraint"
            yield (
                f'{constraint.table}: the {kind} "{constraint.name}" is dropped:'
                f" {constraint.definition}"
            )
        for table in self.unlogged:
            yield f"{table}: UNLOGGED becomes LOGGED, so that its rows survive a crash"
        for table in self.reset_identities:
            yield f"{table}: the replica identity becomes the primary key"
        yield from self.publications


async def attached_objects(
    db: BaseDBAsyncClient,
    tables: Mapping[str, ExistingTable],
    converted: Mapping[str, Sequence[str]],
) -> Objects:
    """Return what is attached to the tables; ``converted`` are the columns that change their type."""
    oids = [table.oid for table in tables.values()]
    constraints = [Constraint(**row) for row in await db.execute_query_dict(_CONSTRAINTS, [oids])]
    keys = [ForeignKey(**row) for row in await db.execute_query_dict(_FOREIGN_KEYS, [oids])]
    names = {table.oid: name for name, table in tables.items()}
    dropped = [key for key in keys if _is_dropped(key, names)]
    replaced = [constraint for constraint in constraints if constraint.is_replaced]
    problems = [
        f"{row['table']}: the rule {row['name']} changes what statements do. Run: DROP RULE"
        f" {row['name']} ON {row['table']}"
        for row in await db.execute_query_dict(_RULES, [oids])
    ]
    for key in keys:
        if key not in dropped:
            problems += _key_problems(key, names, tables, converted, replaced)
    problems += _name_problems(constraints)
    return Objects(
        constraints=constraints,
        dropped_keys=dropped,
        problems=problems,
        reset_identities=[
            name
            for name, table in tables.items()
            if table.replica_identity != "d" and not _keeps_identity(name, constraints)
        ],
        unlogged=[name for name, table in tables.items() if table.is_unlogged],
        publications=[
            f"publication {row['name']}: its subscribers need the new columns of {row['tables']}"
            f" before they receive more rows"
            for row in await db.execute_query_dict(_PUBLICATIONS, [oids])
        ],
    )


def _keeps_identity(table: str, constraints: Sequence[Constraint]) -> bool:
    """Return whether the rows of a table are identified by an index that stays.

    All columns cannot identify them: the new column ``search`` is generated, and not published.
    """
    return any(
        each.table == table and each.is_replica_identity and not each.is_replaced
        for each in constraints
    )


def _is_dropped(key: ForeignKey, names: Mapping[int, str]) -> bool:
    """Return whether it is a foreign key between columns of the service itself."""
    table = names.get(key.from_oid)
    return (
        table is not None and key.to_oid in names and set(key.from_columns) <= COLUMNS[table].keys()
    )


def _key_problems(
    key: ForeignKey,
    names: Mapping[int, str],
    tables: Mapping[str, ExistingTable],
    converted: Mapping[str, Sequence[str]],
    replaced: Sequence[Constraint],
) -> Iterable[str]:
    """Yield a line for each reason why a foreign key cannot stay."""
    from_table, to_table = names.get(key.from_oid), names.get(key.to_oid)
    place = f'the foreign key "{key.name}" of the table {key.from_table}'
    for constraint in replaced:
        if constraint.index_oid == key.index_oid:
            yield (
                f'{to_table}: {place} needs "{constraint.name}", which the adoption replaces. Run:'
                f" {key.drop[:-1]}"
            )
    for from_column, from_type, to_column, to_type in zip(
        key.from_columns, key.from_types, key.to_columns, key.to_types, strict=True
    ):
        is_from_converted = from_column in converted.get(from_table or "", ())
        is_to_converted = to_column in converted.get(to_table or "", ())
        if (is_from_converted and to_type not in _TEXT and not is_to_converted) or (
            is_to_converted and from_type not in _TEXT and not is_from_converted
        ):
            changed = f"{from_table}.{from_column}" if is_from_converted else f"{to_table}.id"
            yield (
                f"{changed}: its type becomes text, and {place} compares it with"
                f" {to_type if is_from_converted else from_type}. Run: {key.drop[:-1]}"
            )
    if from_table == "log_entries" and set(key.from_columns) <= COLUMNS[from_table].keys():
        yield (
            f"{from_table}: {place} refers to {key.to_table}, so that entries of other tickets cannot"
            f" be stored. Run: {key.drop[:-1]}"
        )
    if from_table is not None and tables[from_table].is_unlogged and key.refers_to_unlogged:
        yield (
            f"{from_table}: {place} refers to an UNLOGGED table. Run: ALTER TABLE {key.to_table} SET"
            f" LOGGED"
        )


def _name_problems(constraints: Sequence[Constraint]) -> Iterable[str]:
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
