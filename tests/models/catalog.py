"""The objects of a schema on which running programs depend, and how they may change."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Catalog", "catalog_of", "incompatibilities"]

# Runs a statement, and returns its rows.
Query: TypeAlias = Callable[[str], Awaitable[Iterable[Any]]]

_TABLES = """
SELECT c.relname AS name, c.relfilenode AS file
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
"""
_COLUMNS = """
SELECT
    c.relname AS table_name,
    a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS is_required,
    a.atthasdef OR a.attidentity <> '' AS has_default
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT
    c.relname AS table_name,
    pg_get_constraintdef(o.oid) AS definition,
    ARRAY (
        SELECT a.attname::text
        FROM pg_attribute AS a
        WHERE a.attrelid = o.conrelid AND a.attnum = ANY (o.conkey)
    ) AS columns
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND o.contype IN ('c', 'f', 'p', 'u', 'x')
"""
_INDEXES = """
SELECT
    c.relname AS table_name,
    i.relname AS name,
    x.indisunique AS is_unique,
    regexp_replace(pg_get_indexdef(i.oid), '^.* USING ', '') AS definition,
    ARRAY (
        SELECT a.attname::text
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey)
    ) AS columns
FROM pg_index AS x
JOIN pg_class AS c ON c.oid = x.indrelid
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND x.indisvalid
"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, pg_get_function_result(p.oid) AS result
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace
"""
_TRIGGERS = """
SELECT c.relname AS table_name, t.tgname AS name
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The objects of the schema ``public``, by name."""

    # The file of each table, view and sequence; a new one after a rewrite.
    relations: dict[str, int]
    # By table and name: type, whether null is forbidden, whether there is a default.
    columns: dict[tuple[str, str], tuple[str, bool, bool]]
    # By table and definition: the columns.
    constraints: dict[tuple[str, str], frozenset[str]]
    unique_indexes: dict[tuple[str, str], frozenset[str]]
    # By name: the table.
    indexes: dict[str, str]
    # By signature: the type of the result.
    functions: dict[str, str]
    triggers: frozenset[tuple[str, str]]


async def catalog_of(query: Query) -> Catalog:
    """Return the objects of a database."""
    indexes = list(await query(_INDEXES))
    return Catalog(
        relations={row["name"]: row["file"] for row in await query(_TABLES)},
        columns={
            (row["table_name"], row["name"]): (row["type"], row["is_required"], row["has_default"])
            for row in await query(_COLUMNS)
        },
        constraints={
            (row["table_name"], row["definition"]): frozenset(row["columns"])
            for row in await query(_CONSTRAINTS)
        },
        unique_indexes={
            (row["table_name"], row["definition"]): frozenset(row["columns"])
            for row in indexes
            if row["is_unique"]
        },
        indexes={row["name"]: row["table_name"] for row in indexes},
        functions={row["name"]: row["result"] for row in await query(_FUNCTIONS)},
        triggers=frozenset((row["table_name"], row["name"]) for row in await query(_TRIGGERS)),
    )


def incompatibilities(before: Catalog, after: Catalog) -> set[str]:
    """Return the changes with which a program for the schema before may not run."""
    return {
        *_missing(before, after),
        *_changed_columns(before, after),
        *_changed_rules(before, after),
    }


def _missing(before: Catalog, after: Catalog) -> Iterable[str]:
    yield from (f"{name} is missing" for name in before.relations.keys() - after.relations.keys())
    for table, column in before.columns.keys() - after.columns.keys():
        if table in after.relations:
            yield f"{table}.{column} is missing"
    for function, result in before.functions.items():
        if after.functions.get(function) != result:
            yield f"{function} is missing or returns another type"


def _changed_columns(before: Catalog, after: Catalog) -> Iterable[str]:
    for (table, column), (type_, is_required, has_default) in after.columns.items():
        name = f"{table}.{column}"
        if table not in before.relations:
            continue
        if (table, column) not in before.columns:
            if is_required and not has_default:
                yield f"{name} is new and required, without a default"
            continue
        former_type, was_required, had_default = before.columns[table, column]
        if type_ != former_type:
            yield f"{name} has another type"
        if is_required and not was_required:
            yield f"{name} is required"
        if was_required and not is_required:
            yield f"{name} may be null"
        if had_default and not has_default and (is_required or was_required):
            yield f"{name} has no default"


def _changed_rules(before: Catalog, after: Catalog) -> Iterable[str]:
    """Constraints, unique indexes and triggers of tables that existed before.

    One of new columns alone rejects no row that an older program writes, and neither does a unique
    index that has a new column, unless the column has a default.
    """
    for name in ("constraints", "unique_indexes"):
        former, current = getattr(before, name), getattr(after, name)
        for table, definition in former.keys() - current.keys():
            if all((table, column) in after.columns for column in former[table, definition]):
                yield f"{table}: {definition} is missing"
        for (table, definition), columns in current.items():
            if table not in before.relations or (table, definition) in former:
                continue
            added = {column for column in columns if (table, column) not in before.columns}
            if not (added == columns if name == "constraints" else added):
                yield f"{table}: {definition} is new"
    for table, trigger in before.triggers ^ after.triggers:
        if table in before.relations and table in after.relations:
            yield f"{table}: the trigger {trigger} is new or missing"
