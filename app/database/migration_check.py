"""Report of what a migration of a database would do, made without applying it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import cast

from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from app.database.applied import VERSIONS, migration_number
from app.database.compatibility import SchemaState, schema_state
from app.database.migration_errors import adoption_errors, connected, reporting
from app.database.migrations import LOCK_TIMEOUT_S, migration_lock
from app.database.server_checks import refuse_unfit_schema
from app.database.tortoise import tortoise_config
from models.migrations.compatibility import Description

__all__ = ["MigrationCheck", "PendingMigration", "check_migration"]


# Its code is the first that starts on a newer schema.
FIRST_TOLERANT_MIGRATION = 4


@dataclass(frozen=True, slots=True)
class PendingMigration:
    """A migration that would be applied, and its effect on running programs."""

    version: str
    description: Description

    @property
    def oldest_code(self) -> str:
        """Name of the oldest migration whose code runs with the schema."""
        return next(
            version
            for version in VERSIONS
            if migration_number(version) == self.description.oldest_code
        )

    def runs_with(self, version: str) -> bool:
        """Return whether the code of a migration runs with the schema of this one."""
        return migration_number(version) >= self.description.oldest_code


@dataclass(frozen=True, slots=True)
class MigrationCheck:
    """The state of a database, and the migrations that would be applied."""

    state: SchemaState
    pending: tuple[PendingMigration, ...] = ()

    @property
    def allows_rolling_upgrade(self) -> bool | None:
        """Whether servers of the database's version run with all pending migrations.

        None if there is none of them, or no such server, because the database is new or adopted.
        """
        version = self.state.known
        if version is None or not self.pending:
            return None
        return all(migration.runs_with(version) for migration in self.pending)

    @property
    def allows_rolling_back(self) -> bool | None:
        """Whether servers of the database's version also start on the migrated database.

        Those of the first versions refuse every newer schema. None as above.
        """
        version = self.state.known
        if version is None or not self.allows_rolling_upgrade:
            return self.allows_rolling_upgrade
        return migration_number(version) >= FIRST_TOLERANT_MIGRATION


async def check_migration(
    url: str,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    report_change: Callable[[str], None] | None = None,
) -> MigrationCheck:
    """Return what `migrate` would do; raise MigrationRefused as it would.

    A database that was never migrated is migrated in a transaction that is rolled back, because the
    adoption of its tables depends on them; they are locked meanwhile. Any other is only read.
    """
    async with connected(url) as connection:
        state = await schema_state(connection)
        if state.is_migrated:
            return MigrationCheck(state)
        await schema_state(connection, to_migrate=True)
        await refuse_unfit_schema(connection)
        if state.known is not None:
            pending = VERSIONS[VERSIONS.index(state.known) + 1 :]
            return MigrationCheck(state, _described(pending))
        async with migration_lock(connection, timeout_s=lock_timeout_s):
            # Another process may have migrated it.
            state = await schema_state(connection, to_migrate=True)
            if state.known is None:
                with reporting(report_change):
                    await _try(url)
                return MigrationCheck(state, _described(VERSIONS))
        return await check_migration(url, report_change=report_change)


def _described(versions: Sequence[str]) -> tuple[PendingMigration, ...]:
    return tuple(
        PendingMigration(version, cast("Description", _module(version).DESCRIPTION))
        for version in versions
    )


def _module(version: str) -> ModuleType:
    return import_module(f"models.migrations.{version.removesuffix('.py')}")


async def _try(url: str) -> None:
    """Run the migrations in one transaction, and roll it back.

    The first migration that does not run in a transaction ends the trial.
    """
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url, pool_size=1))
        async with in_transaction() as connection:
            for migration in map(_module, VERSIONS):
                if not getattr(migration, "RUN_IN_TRANSACTION", True):
                    break
                with adoption_errors():
                    await connection.execute_script(await migration.upgrade(connection))
            await connection.rollback()
