"""Descriptions of migrations: which programs run with their schema, and what waits for them.

Each migration has a ``DESCRIPTION``. Its ``oldest_code`` is the number of the oldest migration whose
code still runs after it: an expanding migration, which older servers survive, names an earlier
number, and a contracting one its own. From migration 4 on, `recorded` writes it into the table
``schema_compatibility``, so that a program can decide about migrations that are newer than itself.
docs/contributing/write-a-migration.md has the rules.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tortoise import BaseDBAsyncClient
from tortoise.backends.base.client import TransactionalDBClient

__all__ = ["Description", "TableLock", "recorded"]

Upgrade = Callable[[BaseDBAsyncClient], Awaitable[str]]

_RECORD = """
INSERT INTO schema_compatibility (version, oldest_code) VALUES ('{version}', {oldest_code})
ON CONFLICT (version) DO UPDATE SET oldest_code = excluded.oldest_code;
"""


@dataclass(frozen=True, slots=True)
class TableLock:
    """What waits for a migration at one table, and for how long."""

    table: str
    blocks: Literal["reads and writes", "writes"]
    lasts: Literal["a moment", "a scan of the table", "a rewrite of the table"]


@dataclass(frozen=True, slots=True)
class Description:
    """Effect of a migration on running programs.

    ``oldest_code``: number of the oldest migration whose code runs with the schema. ``locks``: the
    tables that existed before and whose readers or writers wait; builds of indexes with
    CONCURRENTLY block neither. ``note``: one sentence for the operator, or empty.
    """

    oldest_code: int
    locks: tuple[TableLock, ...] = ()
    note: str = ""


def recorded(description: Description) -> Callable[[Upgrade], Upgrade]:
    """Decorate ``upgrade`` of a migration: also record which programs run with its schema.

    If the migration runs in a transaction, in the same one.
    """

    def decorate(upgrade: Upgrade) -> Upgrade:
        version = Path(upgrade.__code__.co_filename).name  # type: ignore[attr-defined]  # a function
        record = _RECORD.format(version=version, oldest_code=description.oldest_code)

        async def upgrade_and_record(db: BaseDBAsyncClient) -> str:
            sql = await upgrade(db)
            if isinstance(db, TransactionalDBClient):
                return sql + record
            # By itself: some statements do not run together with others.
            await db.execute_script(sql)
            return record

        return upgrade_and_record

    return decorate
