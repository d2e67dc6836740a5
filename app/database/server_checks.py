"""Properties of a server and a database without which they cannot be migrated."""

import asyncpg

from app.database.applied import MigrationRefused

__all__ = ["refuse_old_server", "refuse_unfit_schema"]

# The first with `normalize` and `DROP EXPRESSION`, which the migrations use.
MIN_SERVER_VERSION = 13


def refuse_old_server(connection: asyncpg.Connection) -> None:
    """Raise MigrationRefused for a server that is too old."""
    if connection.get_server_version().major < MIN_SERVER_VERSION:
        version = connection.get_settings().server_version
        raise MigrationRefused(
            f"PostgreSQL {version} is not supported.",
            hint=f"Use PostgreSQL {MIN_SERVER_VERSION} or newer.",
        )


async def refuse_unfit_schema(connection: asyncpg.Connection) -> None:
    """Raise MigrationRefused for a database in which tables cannot be created."""
    (row,) = await connection.fetch(
        """
        SELECT
            current_database() AS database,
            current_user AS role,
            current_schema() AS schema,
            has_schema_privilege(current_schema(), 'CREATE') AS may_create,
            current_setting('transaction_read_only') = 'on' AS is_read_only,
            current_setting('server_encoding') AS encoding
        """
    )
    if row["is_read_only"]:
        message = f'The database "{row["database"]}" is read-only, like a standby.'
        hint = "Set DATABASE_URL to the primary server."
    elif row["encoding"] != "UTF8":
        message = (
            f'The encoding of the database "{row["database"]}" is {row["encoding"]}; '
            f"it must be UTF8."
        )
        hint = "Create a database with ENCODING 'UTF8'."
    elif row["schema"] is None:
        message = (
            f'No schema of the search_path exists in the database "{row["database"]}", so that '
            f"tables cannot be created."
        )
        hint = "Create the schema, or correct the search_path."
    elif not row["may_create"]:
        message = (
            f'The role "{row["role"]}" cannot create tables in the schema "{row["schema"]}" of '
            f'the database "{row["database"]}".'
        )
        hint = f'As its owner, run: GRANT CREATE ON SCHEMA "{row["schema"]}" TO "{row["role"]}"'
    else:
        return
    raise MigrationRefused(message, hint=hint)
