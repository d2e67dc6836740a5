"""Columns of the former service: their types, what depends on them, and their conversion."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.tables import ADDED, COLUMNS, TIME
from models.migrations.legacy.values import Expected

_COLUMNS = """
SELECT
    a.attname::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    format_type(base.oid, NULL) AS base_type,
    base.typcategory IN ('S', 'E') OR base.typname = 'uuid' AS is_text,
    a.attcollation <> 0 AND a.attcollation <> (
        SELECT oid FROM pg_collation
        WHERE collname = 'default' AND collnamespace = 'pg_catalog'::regnamespace
    ) AS has_own_collation,
    a.attnotnull OR t.typnotnull AS not_null,
    a.attidentity <> '' OR d.oid IS NOT NULL OR t.typdefault IS NOT NULL AS has_default,
    a.attgenerated <> '' AS is_generated,
    pg_get_expr(d.adbin, d.adrelid) AS default
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
CROSS JOIN LATERAL (
    WITH RECURSIVE bases AS (
        SELECT t.oid, t.typbasetype
        UNION ALL
        SELECT next.oid, next.typbasetype
        FROM bases JOIN pg_type AS next ON next.oid = bases.typbasetype
    )
    SELECT pg_type.* FROM bases JOIN pg_type USING (oid) WHERE bases.typbasetype = 0
) AS base
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
"""

# Everything that keeps PostgreSQL from changing the type of a column. It rebuilds indexes,
# constraints and statistics by itself.
_DEPENDENTS = """
SELECT DISTINCT
    a.attname::text AS column,
    CASE
        WHEN r.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, r.ev_class, 0)
        WHEN d.classid = 'pg_attrdef'::regclass
            THEN pg_describe_object('pg_class'::regclass, def.adrelid, def.adnum)
        ELSE pg_describe_object(d.classid, d.objid, d.objsubid)
    END AS object
FROM pg_depend AS d
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
LEFT JOIN pg_attrdef AS def ON d.classid = 'pg_attrdef'::regclass AND def.oid = d.objid
WHERE d.refclassid = 'pg_class'::regclass
  AND d.refobjid = to_regclass($1)
  AND a.attname = ANY ($2::text[])
  AND (
      d.classid IN (
          'pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
          'pg_proc'::regclass, 'pg_publication_rel'::regclass
      )
      OR (def.adrelid = d.refobjid AND def.adnum <> d.refobjsubid)
  )
ORDER BY 1, 2
"""

# PostgreSQL cannot alter a table while another table has a column of its row type.
_ROW_TYPE_USES = """
SELECT a.attrelid::regclass::text AS table, quote_ident(a.attname) AS column
FROM pg_class AS c
JOIN pg_type AS t ON t.oid = c.reltype
JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
JOIN pg_class AS user_table ON user_table.oid = a.attrelid
WHERE c.oid = to_regclass($1) AND user_table.relkind IN ('r', 'p', 'm')
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A column of the existing table."""

    name: str
    # With its modifiers, such as "timestamp(0) with time zone"; a domain by its name.
    type: str
    # Without modifiers; of a domain, the type that it is based on.
    base_type: str
    is_text: bool
    has_own_collation: bool
    not_null: bool
    has_default: bool
    is_generated: bool
    default: str | None

    def differs_from(self, expected: Expected) -> bool:
        """Return whether the column must be converted."""
        return self.type != expected.type or self.has_own_collation


async def found_columns(db: BaseDBAsyncClient, table: str) -> dict[str, Found]:
    """Return the columns of a table by name."""
    rows = await db.execute_query_dict(_COLUMNS, [table])
    return {row["name"]: Found(**row) for row in rows}


def converted_columns(table: str, found: Mapping[str, Found]) -> list[str]:
    """Return the names of the columns whose types are changed."""
    return [
        name
        for name, expected in COLUMNS[table].items()
        if name in found and found[name].differs_from(expected)
    ]


def incompatible_columns(table: str, found: Mapping[str, Found]) -> Iterable[str]:
    """Yield a line for each column that is missing, or that the service cannot use."""
    for name, expected in COLUMNS[table].items():
        if name not in found:
            yield f"{table}.{name}: missing. {_how_to_add(table, name, found)}"
        elif found[name].is_generated:
            yield (
                f"{table}.{name}: a generated column, which the service cannot write. Run: ALTER"
                f" TABLE {table} ALTER COLUMN {name} DROP EXPRESSION"
            )
        elif not _is_convertible(found[name], expected.type):
            yield (
                f"{table}.{name}: {found[name].type} where {expected.type} is expected. Convert it,"
                f" for example: ALTER TABLE {table} ALTER COLUMN {name} TYPE {expected.type} USING"
                f" {name}::{expected.type}"
            )
    for column in found.values():
        if column.name in ADDED[table]:
            yield (
                f"{table}.{column.name}: exists already, but the migration adds this column. Rename"
                f' it: ALTER TABLE {table} RENAME COLUMN {column.name} TO "{column.name}_old"'
            )
        elif column.name not in COLUMNS[table] and column.not_null and not column.has_default:
            yield (
                f"{table}.{column.name}: an unknown column that requires a value. Give it a default,"
                f' or run: ALTER TABLE {table} ALTER COLUMN "{column.name}" DROP NOT NULL'
            )


async def dependents(db: BaseDBAsyncClient, table: str, found: Mapping[str, Found]) -> list[str]:
    """Return a line for each object that keeps the table's columns from being converted."""
    uses = await db.execute_query_dict(_ROW_TYPE_USES, [table])
    rows = await db.execute_query_dict(_DEPENDENTS, [table, converted_columns(table, found)])
    return [
        f"{table}: its row type is the type of the column {use['column']} of the table"
        f" {use['table']}. Drop that column, or change its type."
        for use in uses
    ] + [
        f"{table}.{row['column']}: the {row['object']} depends on its type"
        f" {found[row['column']].type}, which becomes {COLUMNS[table][row['column']].type}. Drop"
        f" it, and create it again afterwards."
        for row in rows
    ]


def changes(table: str, found: Mapping[str, Found]) -> Iterable[str]:
    """Yield a line for each change of a type, a default or a constraint NOT NULL."""
    for name, expected in COLUMNS[table].items():
        column = found[name]
        if column.type != expected.type:
            yield f"{table}.{name}: {column.type} becomes {expected.type}"
        elif column.has_own_collation:
            yield f"{table}.{name}: gets the default collation"
        if expected.default is not None and column.default is not None:
            before = column.default.split("::")[0].replace("now()", "CURRENT_TIMESTAMP")
            if before != expected.default:
                yield f"{table}.{name}: the default {before} becomes {expected.default}"
        if expected.nullable and column.not_null:
            yield f"{table}.{name}: may be null from now on"


def convert(table: str, found: Mapping[str, Found]) -> Iterable[str]:
    """Yield statements that set the columns' types, then their defaults and nullability."""
    drops, types, sets = [], [], []
    for name, expected in COLUMNS[table].items():
        column = found[name]
        default = expected.default
        if column.differs_from(expected):
            # A time without a time zone is UTC.
            is_utc = expected is TIME and column.base_type != expected.type
            value = f"{name} AT TIME ZONE 'UTC'" if is_utc else f"{name}::{expected.type}"
            types.append(f"ALTER COLUMN {name} TYPE {expected.type} USING {value}")
            if column.default is not None:
                drops.append(f"ALTER COLUMN {name} DROP DEFAULT")
                default = default or f"({column.default})::{expected.type}"
        if default is not None:
            sets.append(f"ALTER COLUMN {name} SET DEFAULT {default}")
        sets.append(f"ALTER COLUMN {name} {'DROP' if expected.nullable else 'SET'} NOT NULL")
    for actions in (drops, types, sets):
        if actions:
            yield f"ALTER TABLE {table}\n    " + ",\n    ".join(actions) + ";"


def _is_convertible(found: Found, wanted: str) -> bool:
    if wanted == "text":
        return found.is_text
    if wanted == "jsonb":
        return found.base_type in ("json", "jsonb")
    return found.base_type in ("timestamp with time zone", "timestamp without time zone")


def _how_to_add(table: str, name: str, found: Mapping[str, Found]) -> str:
    for other in found:
        if other.lower().replace("_", "") == name.replace("_", ""):
            return f'Rename it: ALTER TABLE {table} RENAME COLUMN "{other}" TO {name}'
    return f"Add it: ALTER TABLE {table} ADD COLUMN {name} {COLUMNS[table][name].type}"
