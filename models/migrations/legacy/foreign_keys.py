"""Foreign keys from and to the former service's tables.

Only the one between the two tables is dropped. All others stay, or the adoption is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.constraints import Constraint, quoted
from models.migrations.legacy.location import ExistingTable
from models.migrations.legacy.tables import COLUMNS

# Types between which PostgreSQL supports foreign keys, with text on one side.
_TEXT = ("text", "character varying")

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


async def found_foreign_keys(db: BaseDBAsyncClient, oids: Sequence[int]) -> list[ForeignKey]:
    """Return the foreign keys from and to tables."""
    return [ForeignKey(**row) for row in await db.execute_query_dict(_FOREIGN_KEYS, [list(oids)])]


def is_between_own_columns(key: ForeignKey, names: Mapping[int, str]) -> bool:
    """Return whether it is a foreign key between columns of the service itself."""
    table = names.get(key.from_oid)
    return (
        table is not None and key.to_oid in names and set(key.from_columns) <= COLUMNS[table].keys()
    )


def key_problems(
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
