"""Find values of the former service's database that the new columns cannot store.

Part of the first migration: do not import models, which change after it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

MAX_VALUES_SHOWN = 20
# The maximum length of an id.
MAX_LENGTH_SHOWN = 64

# json accepts values that jsonb does not: \u0000, lone surrogates, and huge numbers.
AS_JSONB = """
CREATE FUNCTION pg_temp.as_jsonb(value json) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN NULL;
END
$$;
"""
DROP_AS_JSONB = "DROP FUNCTION pg_temp.as_jsonb(json);"


@dataclass(frozen=True, slots=True)
class Expected:
    """Target type of a column, and the values that it can store."""

    type: str = "text"
    nullable: bool = False
    values: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    max_bytes: int | None = None
    # An SQL expression, or None.
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Condition for incompatible rows; the SQL expression ``problem`` describes the value."""

    problem: str
    condition: str
    having: str = "TRUE"


async def incompatible_values(
    db: BaseDBAsyncClient, table: str, columns: Mapping[str, tuple[Expected, str]]
) -> list[str]:
    """Return one line for each incompatible value, with its number of rows.

    ``columns`` has the target and the current type of each column.
    """
    has_json = any(found == "json" for _, found in columns.values())
    if has_json:
        await db.execute_script(AS_JSONB)
    lines = [
        line
        for name, (expected, found) in columns.items()
        for rule in _rules(name, expected, found)
        for line in await _violations(db, table, name, rule)
    ]
    if has_json:
        await db.execute_script(DROP_AS_JSONB)
    return lines


def _rules(name: str, expected: Expected, found: str) -> Iterable[Rule]:
    text = f"{name}::text"
    shown = f"to_json(left({text}, {MAX_LENGTH_SHOWN}))::text"
    if not expected.nullable:
        yield Rule("'null'", f"{name} IS NULL")
    if expected.values:
        allowed = ", ".join(f"'{value}'" for value in expected.values)
        hint = f"CASE WHEN lower({text}) IN ({allowed}) THEN ' (not in lower case)' ELSE '' END"
        yield Rule(f"{shown} || {hint}", f"{text} NOT IN ({allowed})")
    if expected.min_length:
        yield Rule("'empty'", f"{text} = ''")
    if expected.max_length is not None:
        yield Rule(
            f"'longer than {expected.max_length} characters'",
            f"char_length({text}) > {expected.max_length}",
        )
    if expected.type == "timestamp with time zone":
        time = name if found == expected.type else f"({name} AT TIME ZONE 'UTC')"
        yield Rule(
            shown,
            f"{time} NOT BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'",
        )
    if found == "json":
        yield Rule(shown, f"{name} IS NOT NULL AND pg_temp.as_jsonb({name}) IS NULL")
    if expected.max_bytes is not None:
        stored = f"pg_temp.as_jsonb({name})" if found == "json" else name
        yield Rule(
            f"'longer than {expected.max_bytes} bytes'",
            f"octet_length({stored}::text) > {expected.max_bytes}",
        )
    if name == "id":
        yield Rule(
            f"{shown} || ' (more than once)'",
            # Longer ids have a line of their own; their displayed beginnings may be equal.
            f"char_length({text}) <= {MAX_LENGTH_SHOWN}",
            "count(*) > 1",
        )


async def _violations(db: BaseDBAsyncClient, table: str, column: str, rule: Rule) -> list[str]:
    groups = await db.execute_query_dict(
        f"""
        SELECT
            ({rule.problem})::text AS problem,
            count(*) AS rows,
            count(*) OVER () AS all_groups
        FROM {table}
        WHERE {rule.condition}
        GROUP BY 1
        HAVING {rule.having}
        ORDER BY 2 DESC, 1
        LIMIT {MAX_VALUES_SHOWN}
        """  # only constants of this module
    )
    lines = [f"{table}.{column}: {group['problem']}, {_rows(group['rows'])}" for group in groups]
    if groups and groups[0]["all_groups"] > len(groups):
        lines.append(f"{table}.{column}: and {groups[0]['all_groups'] - len(groups)} more values")
    return lines


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


# Names by which programs mark rows as deleted instead of deleting them.
_DELETION_MARK = re.compile(
    r"(is)?(soft)?deleted(at|on|time|date|timestamp|flag|by)?|deletion(time|date|timestamp)"
    r"|(removed|trashed|discarded|purged|destroyed)(at|on)|(is)?(removed|trashed|discarded)"
)
# SQL condition for a mark, by the type of its column. Zero is the mark of a row that is not deleted.
_MARKED = {
    "boolean": "{column}",
    "smallint": "{column} <> 0",
    "integer": "{column} <> 0",
    "bigint": "{column} <> 0",
    "text": "lower({column}) NOT IN ('', '0', 'f', 'false', 'n', 'no')",
    "character varying": "lower({column}) NOT IN ('', '0', 'f', 'false', 'n', 'no')",
}


async def rows_marked_as_deleted(
    db: BaseDBAsyncClient, table: str, columns: Mapping[str, str]
) -> list[str]:
    """Return a line for each column of other programs that marks rows as deleted.

    The service would show these rows again. ``columns`` has the type of each column.
    """
    lines = []
    for name, type_name in columns.items():
        if not _DELETION_MARK.fullmatch(name.lower().replace("_", "")):
            continue
        column = '"' + name.replace('"', '""') + '"'
        condition = _MARKED.get(type_name, "{column} IS NOT NULL").format(column=column)
        [row] = await db.execute_query_dict(
            f"SELECT count(*) AS rows FROM {table} WHERE {condition}"  # a column of the catalog
        )
        if row["rows"]:
            lines.append(
                f"{table}.{name}: marks {_rows(row['rows'])} as deleted, which the service would"
                f" show. Run: DELETE FROM {table} WHERE {condition}; or, to keep the rows, rename"
                f" the column"
            )
    return lines
