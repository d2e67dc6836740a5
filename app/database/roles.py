"""Roles of a cluster: the service connects as one that owns its database, and nothing else.

PostgreSQL accepts connections of that role only. Its superuser exists, but cannot connect:
statements of the superuser run in single-user mode, while the server is stopped.
"""

import os
import tempfile
from pathlib import Path

from app.database.access import path_for, programs_for
from app.database.programs import SUPERUSER, Account, run_program

__all__ = ["DATABASE", "ROLE", "create_database", "is_restricted", "restrict"]

DATABASE = "ticketops"
ROLE = "ticketops"

# The socket is in a folder that only the server's account can enter.
_HBA = f"""# Written by ticketops: the service connects as {ROLE}, and nobody as a superuser.
local {DATABASE} {ROLE} trust
"""
_CREATE_ROLE = f"""
DO $$ BEGIN
IF to_regrole('{ROLE}') IS NULL THEN
CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
END IF;
END $$
"""
# For databases of older versions, which belong to the superuser. A sequence of a column and the
# indexes of a table follow their table.
_TAKE_OVER = """
DO $$ DECLARE statement text; BEGIN
FOR statement IN
SELECT format('ALTER %s %s OWNER TO ticketops',
CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
ELSE 'TABLE' END, pg_class.oid::regclass)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'S', 'v', 'm') AND nspname !~ '^(pg_|information_schema$)'
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
AND objid = pg_class.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i'))
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO ticketops', pg_proc.oid::regprocedure)
FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
WHERE nspname !~ '^(pg_|information_schema$)'
UNION ALL
SELECT format('ALTER SCHEMA %I OWNER TO ticketops', nspname)
FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema$|public$)'
LOOP EXECUTE statement; END LOOP;
END $$
"""


def create_database(cluster: Path, account: Account | None) -> None:
    """Create the role and its database in a new cluster."""
    _run(cluster, SUPERUSER, [_CREATE_ROLE, f"CREATE DATABASE {DATABASE} OWNER {ROLE}"], account)
    _write_hba(cluster, account)


def is_restricted(cluster: Path) -> bool:
    """Return whether only the service's role can connect."""
    return (cluster / "pg_hba.conf").read_text() == _HBA


def restrict(cluster: Path, account: Account | None, programs: Path | None = None) -> None:
    """Give the database of an older version to the service's role. The server must be stopped.

    ``programs`` is the folder of the programs of a cluster of another version of PostgreSQL.
    """
    statements = [_CREATE_ROLE, f"ALTER DATABASE {DATABASE} OWNER TO {ROLE}"]
    _run(cluster, SUPERUSER, statements, account, programs)
    _run(cluster, DATABASE, [_TAKE_OVER], account, programs)
    _write_hba(cluster, account)


def _run(
    cluster: Path,
    database: str,
    statements: list[str],
    account: Account | None,
    programs: Path | None = None,
) -> None:
    """Run statements in single-user mode, where each line is one."""
    lines = [" ".join(statement.split()) for statement in statements]
    run_program(
        [
            programs_for(account, programs) / "postgres",
            "--single",
            "-c",
            "exit_on_error=on",
            "-D",
            path_for(cluster, account),
            database,
        ],
        folder=cluster,
        account=account,
        stdin="".join(f"{line}\n" for line in lines),
    )


def _write_hba(cluster: Path, account: Account | None) -> None:
    # A new file, renamed: the cluster may belong to another account, whose links are not followed.
    descriptor, path = tempfile.mkstemp(dir=cluster, prefix="pg_hba.conf.")
    with os.fdopen(descriptor, "w") as file:
        file.write(_HBA)
        if account is not None:
            os.fchown(file.fileno(), account.uid, account.gid)
    Path(path).rename(cluster / "pg_hba.conf")
