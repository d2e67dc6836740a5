"""Build indexes while other transactions read and write the table."""

from collections.abc import Mapping

from tortoise import BaseDBAsyncClient

_STATE = """
SELECT index.indisvalid
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indexrelid
WHERE index.indexrelid = to_regclass($1)
    AND class.relnamespace = quote_ident(current_schema())::regnamespace
"""


async def build_indexes(db: BaseDBAsyncClient, definitions: Mapping[str, str]) -> None:
    """Build each index that does not exist; ``definitions`` are table and columns, by name.

    Nothing is locked against reads and writes, but each build waits for the transactions that
    began before it. A build that failed leaves an invalid index: it is dropped and built again.
    Must run outside a transaction.
    """
    for name, definition in definitions.items():
        found = await db.execute_query_dict(_STATE, [name])
        if found and not found[0]["indisvalid"]:
            await db.execute_script(f"DROP INDEX CONCURRENTLY {name}")
        if not (found and found[0]["indisvalid"]):
            await db.execute_script(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
