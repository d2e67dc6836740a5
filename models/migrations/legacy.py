"""Adoption of the former service's database by the first migration.

The former service has the tables ``tickets`` and ``log_entries``, whose columns vary: ids
and texts of any text type, ``json`` or ``jsonb``, times with or without a time zone, with or
without keys, defaults, indexes and foreign keys. `adopt` checks everything first. It
either raises AdoptionRefused with a list of all problems, or converts the tables to the one
form from which the migration continues. It never changes, truncates or guesses a value.

Part of the first migration: do not import models, which change after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.incompatible_values import Expected, incompatible_values

# The migration fails if it cannot lock the tables within this time.
LOCK_TIMEOUT_S = 10

CREATE = {
    "tickets": """
CREATE TABLE tickets (
    id text PRIMARY KEY,
    subject text NOT NULL,
    description text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    customer_name text NOT NULL,
    customer_email text NOT NULL,
    customer_phone text,
    assigned_to text,
    priority text NOT NULL DEFAULT 'medium',
    category text NOT NULL DEFAULT 'general',
    metadata jsonb
);
""",
    "log_entries": """
CREATE TABLE log_entries (
    id text PRIMARY KEY,
    ticket_id text NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    response jsonb
);
""",
}

ID = Expected(min_length=1, max_length=64)
TIME = Expected(type="timestamp with time zone", default="CURRENT_TIMESTAMP")

COLUMNS = {
    "tickets": {
        "id": ID,
        "subject": Expected(max_length=500),
        "description": Expected(max_length=65_536),
        "status": Expected(
            values=("open", "in_progress", "pending", "resolved", "closed"), default="'open'"
        ),
        "created_at": TIME,
        "customer_name": Expected(max_length=200),
        "customer_email": Expected(max_length=254),
        "customer_phone": Expected(nullable=True, max_length=50),
        "assigned_to": Expected(nullable=True, max_length=200),
        "priority": Expected(values=("low", "medium", "high"), default="'medium'"),
        "category": Expected(max_length=100, default="'general'"),
        "metadata": Expected(type="jsonb", nullable=True, max_bytes=65_536),
    },
    "log_entries": {
        "id": ID,
        "ticket_id": ID,
        "action": Expected(values=("send", "retry", "query")),
        "status": Expected(values=("success", "failed")),
        "timestamp": TIME,
        "response": Expected(type="jsonb", nullable=True),
    },
}

# Columns that the migration adds. The former service cannot have columns of these names.
ADDED = {
    "tickets": ("updated_at", "version", "ops_state", "search"),
    "log_entries": (
        "delivery_id",
        "attempt",
        "duration_ms",
        "actor",
        "request_id",
        "transaction",
        "sequence",
    ),
}


class AdoptionRefused(Exception):
    """The former service's database cannot be adopted; the message lists all problems."""


@dataclass(frozen=True, slots=True)
class Found:
    """A column of the existing table."""

    name: str
    type: str
    is_text: bool
    not_null: bool
    has_own_collation: bool
    default: str | None


async def adopt(db: BaseDBAsyncClient) -> str:
    """Return the SQL that creates or converts the two tables. Raise AdoptionRefused.

    Call this in the migration's transaction. The tables are locked before they are checked, so
    that no row changes between the check and the migration.
    """
    existing = [table for table in COLUMNS if await _exists(db, table)]
    script = [CREATE[table] for table in COLUMNS if table not in existing]
    if existing:
        await db.execute_script(
            # Converting a large table takes long, but waiting for its lock must not.
            f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s';"
            f"LOCK TABLE {', '.join(existing)} IN ACCESS EXCLUSIVE MODE;"
        )
        found = {table: await _columns(db, table) for table in existing}
        _refuse("The tables are not those of the former service", _incompatible_columns(found))
        _refuse("The new tables cannot store some values", await _incompatible_values(db, found))
        script += await _drop_constraints(db, existing)
        for table in existing:
            script += _convert(table, found[table])
            script += await _primary_key(db, table)
    return "\n".join(script)


async def _exists(db: BaseDBAsyncClient, table: str) -> bool:
    rows = await db.execute_query_dict(
        """
        SELECT
            relkind = 'r' AS is_table,
            pg_has_role(relowner, 'USAGE') AS is_owned,
            pg_get_userbyid(relowner)::text AS owner
        FROM pg_class
        WHERE oid = to_regclass($1)
        """,
        [table],
    )
    for row in rows:
        if not row["is_table"]:
            message = f'"{table}" exists but is not an ordinary table. Rename or drop it.'
            raise AdoptionRefused(message)
        if not row["is_owned"]:
            message = (
                f'The table "{table}" belongs to the role "{row["owner"]}". '
                f"Run the migration as that role, or as a member of it."
            )
            raise AdoptionRefused(message)
    return bool(rows)


async def _columns(db: BaseDBAsyncClient, table: str) -> dict[str, Found]:
    rows = await db.execute_query_dict(
        """
        SELECT
            a.attname::text AS name,
            format_type(a.atttypid, NULL) AS type,
            t.typcategory IN ('S', 'E') OR t.typname = 'uuid' AS is_text,
            a.attnotnull AS not_null,
            a.attcollation <> t.typcollation AS has_own_collation,
            pg_get_expr(d.adbin, d.adrelid) AS default
        FROM pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
        """,
        [table],
    )
    return {row["name"]: Found(**row) for row in rows}


def _refuse(reason: str, lines: Iterable[str]) -> None:
    if problems := "\n  ".join(lines):
        message = f"{reason}. Nothing was changed.\n\n  {problems}\n"
        raise AdoptionRefused(message)


def _incompatible_columns(found: dict[str, dict[str, Found]]) -> Iterable[str]:
    for table, columns in found.items():
        for name, expected in COLUMNS[table].items():
            if name not in columns:
                yield f"{table}.{name}: missing"
            elif not _is_convertible(columns[name], expected.type):
                yield f"{table}.{name}: {columns[name].type} where {expected.type} is expected"
        for column in columns.values():
            if column.name in ADDED[table]:
                yield f"{table}.{column.name}: exists already, but the migration adds this column"
            elif column.name not in COLUMNS[table] and column.not_null and column.default is None:
                yield f"{table}.{column.name}: an unknown column that requires a value"


async def _incompatible_values(
    db: BaseDBAsyncClient, found: dict[str, dict[str, Found]]
) -> list[str]:
    return [
        line
        for table, columns in found.items()
        for line in await incompatible_values(
            db,
            table,
            {name: (wanted, columns[name].type) for name, wanted in COLUMNS[table].items()},
        )
    ]


def _is_convertible(found: Found, wanted: str) -> bool:
    if wanted == "text":
        return found.is_text
    if wanted == "jsonb":
        return found.type in ("json", "jsonb")
    return found.type in ("timestamp with time zone", "timestamp without time zone")


async def _drop_constraints(db: BaseDBAsyncClient, tables: Iterable[str]) -> list[str]:
    """Return statements that drop constraints and unique indexes; primary keys stay.

    Drop foreign keys first, because they depend on other constraints.
    """
    rows = await db.execute_query_dict(
        """
        SELECT
            format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) AS statement,
            CASE contype WHEN 'f' THEN 1 ELSE 2 END AS drop_order
        FROM pg_constraint
        WHERE conrelid = ANY ($1::regclass[]) AND contype IN ('c', 'f', 'u', 'x')
        UNION ALL
        SELECT format('DROP INDEX %s;', indexrelid::regclass), 3
        FROM pg_index
        WHERE indrelid = ANY ($1::regclass[]) AND indisunique
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        ORDER BY drop_order, statement
        """,
        [list(tables)],
    )
    return [row["statement"] for row in rows]


def _convert(table: str, found: dict[str, Found]) -> Iterable[str]:
    """Yield statements that set the columns' types, then their defaults and nullability."""
    drops, types, sets = [], [], []
    for name, expected in COLUMNS[table].items():
        column = found[name]
        default = expected.default
        if column.type != expected.type or column.has_own_collation:
            # A time without a time zone is UTC.
            value = f"{name} AT TIME ZONE 'UTC'" if expected is TIME else f"{name}::{expected.type}"
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


async def _primary_key(db: BaseDBAsyncClient, table: str) -> Iterable[str]:
    rows = await db.execute_query_dict(
        """
        SELECT
            quote_ident(conname) AS name,
            conkey = ARRAY(
                SELECT attnum
                FROM pg_attribute
                WHERE attrelid = conrelid AND attname = 'id'
            ) AS is_id
        FROM pg_constraint
        WHERE conrelid = to_regclass($1) AND contype = 'p'
        """,
        [table],
    )
    name = f"{table}_pkey"
    add = f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY (id);"
    if not rows:
        return [add]
    (key,) = rows
    if not key["is_id"]:
        return [f"ALTER TABLE {table} DROP CONSTRAINT {key['name']};", add]
    if key["name"] != name:
        return [f"ALTER TABLE {table} RENAME CONSTRAINT {key['name']} TO {name};"]
    return []
