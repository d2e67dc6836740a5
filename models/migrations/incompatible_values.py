"""Values of the former service's database that have no place in ours, found and told.

Part of the first migration, and history like it: nothing here may depend on models.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

MAX_VALUES_SHOWN = 20
# The length of an id.
MAX_LENGTH_SHOWN = 64

# json takes more than jsonb does: \u0000, half a surrogate pair, numbers without end.
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
    """What a column must become, and which values have a place in it."""

    type: str = "text"
    nullable: bool = False
    values: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    max_bytes: int | None = None
    # An SQL expression.
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What rows of a column do not fit; ``misfit`` is an SQL expression of how to tell it."""

    misfit: str
    condition: str
    having: str = "TRUE"


async def incompatible_values(
    db: BaseDBAsyncClient, table: str, columns: Mapping[str, tuple[Expected, str]]
) -> list[str]:
    """Return a line for each value that has no place in its column, with the number of its rows.

    ``columns`` says what is expected of a column, and the type that it has now.
    """
    has_json = any(found == "json" for _, found in columns.values())
    if has_json:
        await db.execute_script(AS_JSONB)
    lines = [
        line
        for name, (expected, found) in columns.items()
        for rule in _rules(name, expected, found)
        for line in await _broken(db, table, name, rule)
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
        moment = name if found == expected.type else f"({name} AT TIME ZONE 'UTC')"
        yield Rule(
            shown,
            f"{moment} NOT BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'",
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
            # Longer ones are told above, and may be alike only as far as they are shown.
            f"char_length({text}) <= {MAX_LENGTH_SHOWN}",
            "count(*) > 1",
        )


async def _broken(db: BaseDBAsyncClient, table: str, column: str, rule: Rule) -> list[str]:
    groups = await db.execute_query_dict(
        f"""
        SELECT
            ({rule.misfit})::text AS misfit,
            count(*) AS rows,
            count(*) OVER () AS all_groups
        FROM {table}
        WHERE {rule.condition}
        GROUP BY 1
        HAVING {rule.having}
        ORDER BY 2 DESC, 1
        LIMIT {MAX_VALUES_SHOWN}
        """  # noqa: S608  # made of our own names and conditions
    )
    lines = [f"{table}.{column}: {group['misfit']}, {_rows(group['rows'])}" for group in groups]
    if groups and groups[0]["all_groups"] > len(groups):
        lines.append(f"{table}.{column}: and {groups[0]['all_groups'] - len(groups)} more values")
    return lines


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
