"""Find the former service's tables, and whatever has their place or the place of a new object."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.report import refuse
from models.migrations.legacy.tables import (
    ADDED,
    COLUMNS,
    CREATED,
    CREATED_DICTIONARIES,
    CREATED_FUNCTIONS,
)

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "p": "a partitioned table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a composite type",
}
# A table of the former service may lack this many of its columns and is still recognized.
_MAX_MISSING = 2

_FIND = """
SELECT
    c.oid::regclass::text AS name,
    c.oid::bigint AS oid,
    c.relkind::text AS kind,
    n.nspname::text AS schema,
    c.relispartition AS is_partition,
    c.relpersistence = 'u' AS is_unlogged,
    c.relreplident::text AS replica_identity,
    c.reloftype <> 0 AS is_typed,
    pg_has_role(c.relowner, 'USAGE') AS is_owned,
    pg_get_userbyid(c.relowner)::text AS owner,
    current_user::text AS role,
    current_schema()::text AS new_schema,
    row_security_active(c.oid) AS hides_rows,
    array_to_string(
        ARRAY (
            SELECT privilege
            FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
            WHERE NOT has_table_privilege(c.oid, privilege)
        ),
        ', '
    ) AS missing_privileges,
    (SELECT min(i.inhparent::regclass::text) FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
        AS parent,
    (SELECT min(i.inhrelid::regclass::text) FROM pg_inherits AS i WHERE i.inhparent = c.oid)
        AS child
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1)
"""

# Tables whose names and columns differ only in case and underscores. A table with the new columns
# belongs to another installation of this program.
_SIMILAR = """
SELECT c.oid::regclass::text AS name, n.nspname::text AS schema, c.relname::text AS table_name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE plain = ANY ($2::text[])) AS known,
        count(*) FILTER (WHERE plain = ANY ($3::text[])) AS added
    FROM (
        SELECT replace(lower(attname), '_', '') AS plain
        FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    ) AS columns
) AS columns
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND replace(lower(c.relname), '_', '') = $1
  AND columns.known >= $4 AND columns.added < cardinality($3::text[])
ORDER BY 1
"""

_TAKEN = """
WITH new AS (
    SELECT oid FROM pg_namespace WHERE nspname = current_schema()
)
SELECT c.relname::text AS name, c.relkind::text AS kind, t.relname::text AS on_table
FROM new, pg_class AS c
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_class AS t ON t.oid = i.indrelid
WHERE c.relnamespace = new.oid AND c.relname = ANY ($1::text[])
  AND c.oid <> ALL ($2::bigint[]::oid[])
UNION ALL
SELECT typname::text, 't', NULL
FROM new, pg_type
WHERE typnamespace = new.oid AND typname = ANY ($1::text[])
  AND typrelid = 0 AND typelem = 0
UNION ALL
SELECT p.oid::regprocedure::text, 'function', NULL
FROM new, pg_proc AS p
WHERE p.pronamespace = new.oid AND p.oid::regprocedure::text = ANY ($3::text[])
UNION ALL
SELECT cfgname::text, 'text search configuration', NULL
FROM new, pg_ts_config
WHERE cfgnamespace = new.oid AND cfgname = ANY ($4::text[])
UNION ALL
SELECT dictname::text, 'text search dictionary', NULL
FROM new, pg_ts_dict
WHERE dictnamespace = new.oid AND dictname = ANY ($4::text[])
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class ExistingTable:
    """A table of the former service, as the catalog describes it."""

    name: str
    oid: int
    kind: str
    schema: str
    is_partition: bool
    is_unlogged: bool
    # d: the primary key, i: another index, f: all columns, n: none.
    replica_identity: str
    is_typed: bool
    is_owned: bool
    owner: str
    role: str
    new_schema: str
    hides_rows: bool
    missing_privileges: str
    parent: str | None
    child: str | None


async def existing_tables(db: BaseDBAsyncClient) -> dict[str, ExistingTable]:
    """Return the former service's tables; raise AdoptionRefused if one cannot be used at all."""
    found = {}
    for table in COLUMNS:
        for row in await db.execute_query_dict(_FIND, [table]):
            found[table] = ExistingTable(**row)
    problems = [line for table, row in found.items() for line in _unusable(table, row)]
    for table in COLUMNS:
        if table not in found:
            problems += [line async for line in _similar(db, table)]
    refuse("The tables of the former service cannot be adopted", problems)
    return found


def _unusable(table: str, found: ExistingTable) -> Iterable[str]:
    if found.kind != "r":
        kind = _KINDS.get(found.kind, f"of the kind {found.kind}")
        yield f'"{table}" exists but is not an ordinary table: it is {kind}. Rename or drop it.'
        return
    if found.schema != found.new_schema:
        yield (
            f'"{table}" is in the schema "{found.schema}", but new tables are created in'
            f' "{found.new_schema}", which is first in the search_path. Put "{found.schema}" first,'
            f' or run: ALTER TABLE {found.name} SET SCHEMA "{found.new_schema}"'
        )
    if not found.is_owned:
        yield (
            f'The table "{table}" belongs to the role "{found.owner}". '
            f"Run the migration as that role, or as a member of it."
        )
    elif found.missing_privileges:
        yield (
            f'The role "{found.role}" lacks privileges on the table "{table}". Run: GRANT'
            f' {found.missing_privileges} ON {found.name} TO "{found.role}"'
        )
    if found.hides_rows:
        yield (
            f'Row security of the table "{table}" applies to the role "{found.role}", from which it'
            f" can hide rows. Run: ALTER TABLE {found.name} NO FORCE ROW LEVEL SECURITY"
        )
    if found.is_partition:
        yield (
            f'"{table}" is a partition of {found.parent}. Run: ALTER TABLE {found.parent} DETACH'
            f" PARTITION {found.name}"
        )
    elif found.parent is not None:
        yield (
            f'"{table}" inherits from {found.parent}. Run: ALTER TABLE {found.name} NO INHERIT'
            f" {found.parent}"
        )
    if found.child is not None:
        yield (
            f'{found.child} inherits from "{table}", so its rows are also rows of "{table}". Run:'
            f" ALTER TABLE {found.child} NO INHERIT {found.name}"
        )
    if found.is_typed:
        yield (
            f'"{table}" has the columns of a composite type. Run: ALTER TABLE {found.name} NOT OF'
        )


async def _similar(db: BaseDBAsyncClient, table: str) -> Iterable[str]:
    known, added = _plain(COLUMNS[table]), _plain(ADDED[table])
    rows = await db.execute_query_dict(
        _SIMILAR, [table.replace("_", ""), known, added, len(known) - _MAX_MISSING]
    )
    for row in rows:
        commands = []
        if row["table_name"] != table:
            commands.append(f"ALTER TABLE {row['name']} RENAME TO {table}")
        if row["table_name"] == table:
            commands.append(f'put "{row["schema"]}" first in the search_path')
        yield (
            f"{row['name']} has the columns of the former service, but it is not the table"
            f' "{table}" that the search_path finds. To adopt it: {" and ".join(commands)}.'
            f" To leave it alone, use another database."
        )


def _plain(names: Iterable[str]) -> list[str]:
    return [name.replace("_", "") for name in names]


async def taken_names(db: BaseDBAsyncClient, own: Sequence[int]) -> Iterable[str]:
    """Return a line for each object of another program with the name of a new object.

    ``own`` are the tables and indexes of the former service that the adoption replaces.
    """
    rows = await db.execute_query_dict(
        _TAKEN, [list(CREATED), list(own), list(CREATED_FUNCTIONS), list(CREATED_DICTIONARIES)]
    )
    return [_taken(row["name"], row["kind"], row["on_table"]) for row in rows]


def _taken(name: str, kind: str, on_table: str | None) -> str:
    if kind == "function":
        return f"The function {name} exists already, but the migration creates it. Drop it."
    if kind.startswith("text search"):
        return (
            f'The {kind} "{name}" exists already, but the migration creates it. Run: ALTER'
            f' {kind.upper()} "{name}" RENAME TO "{name}_old"'
        )
    described = {"r": "table", "v": "view", "S": "sequence", "i": "index", "t": "type"}.get(
        kind, "relation"
    )
    place = f' of the table "{on_table}"' if on_table else ""
    command = f'ALTER {described.upper()} "{name}" RENAME TO "{name}_old"'
    return (
        f'"{name}" exists already: the {described}{place} has the name of an object that the'
        f" migration creates. Rename it, for example: {command}"
    )
