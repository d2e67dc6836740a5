"""Clusters of another major version of PostgreSQL in DATA_DIR, and how they are moved."""

import shlex
from pathlib import Path

from app.database.client_programs import server_programs
from app.database.programs import MAJOR_VERSION, EmbeddedPostgresError

__all__ = ["other_programs"]

# Older ones do not have all options with which the server is started.
OLDEST_VERSION = 13


def other_programs(data_dir: Path, *, allows_other: bool) -> Path | None:
    """Return the programs of a cluster of another version, None for that of this program.

    Raises EmbeddedPostgresError for another version unless ``allows_other`` and its programs are
    installed.
    """
    cluster = data_dir / "postgres"
    try:
        version = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise EmbeddedPostgresError(
            f"{cluster} is not a complete database: its file PG_VERSION is missing.",
            hint="Restore it from a copy, or set DATA_DIR to another folder.",
        ) from error
    if version == str(MAJOR_VERSION):
        return None
    message = (
        f"{cluster} was created by PostgreSQL {version}; the embedded PostgreSQL is version"
        f" {MAJOR_VERSION}."
    )
    major = int(version) if version.isdecimal() else 0
    if major > MAJOR_VERSION:
        hint = "Use a newer version of ticketops, or set DATA_DIR to another folder."
        raise EmbeddedPostgresError(message, hint=hint)
    if major < OLDEST_VERSION:
        hint = "Set DATA_DIR to another folder, and transfer the data by pg_dump and pg_restore."
        raise EmbeddedPostgresError(message, hint=hint)
    programs = server_programs(major)
    if programs is None:
        raise EmbeddedPostgresError(
            f"{message} Moving it needs the programs of PostgreSQL {major}, which are not"
            " installed.",
            hint=f"On Debian, run: apt install postgresql-{major}. Then start again, to see the"
            " commands that move it.",
        )
    if not allows_other:
        raise EmbeddedPostgresError(message, hint=f"To move it, run: {_commands(data_dir, major)}")
    return programs


def _commands(data_dir: Path, major: int) -> str:
    folder = shlex.quote(str(data_dir))
    dump = shlex.quote(str(data_dir / f"postgresql-{major}.dump"))
    cluster = shlex.quote(str(data_dir / "postgres"))
    kept = shlex.quote(str(data_dir / f"postgres-{major}"))
    return (
        f"ticketops backup --data-dir {folder} {dump} && mv {cluster} {kept} &&"
        f" ticketops restore --data-dir {folder} {dump}"
    )
