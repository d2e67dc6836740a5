"""Objects attached to the former service's tables, and their treatment by the adoption."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tortoise import BaseDBAsyncClient

from models.migrations.legacy.constraints import Constraint, found_constraints, name_problems
from models.migrations.legacy.foreign_keys import (
    ForeignKey,
    found_foreign_keys,
    is_between_own_columns,
    key_problems,
)
from models.migrations.legacy.location import ExistingTable

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
class Objects:
    """Objects attached to the tables, the changes of them to report, and problems."""

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
    """Return the objects attached to the tables; ``converted`` are the columns that change their type."""
    oids = [table.oid for table in tables.values()]
    constraints = await found_constraints(db, oids)
    keys = await found_foreign_keys(db, oids)
    names = {table.oid: name for name, table in tables.items()}
    dropped = [key for key in keys if is_between_own_columns(key, names)]
    replaced = [constraint for constraint in constraints if constraint.is_replaced]
    problems = [
        f"{row['table']}: the rule {row['name']} changes what statements do. Run: DROP RULE"
        f" {row['name']} ON {row['table']}"
        for row in await db.execute_query_dict(_RULES, [oids])
    ]
    for key in keys:
        if key not in dropped:
            problems += key_problems(key, names, tables, converted, replaced)
    problems += name_problems(constraints)
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
