"""Backups: the database in a file of pg_dump's custom format, written while servers run."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.database.applied import schema_version
from app.database.client_programs import (
    BackupError,
    error_of,
    find_client_programs,
    libpq_environment,
)
from app.database.migration_errors import connected
from app.errors import reason_of

__all__ = ["STANDARD_OUTPUT", "backup"]

STANDARD_OUTPUT = Path("-")
POLL_S = 0.1
_ARGUMENTS = (
    "--format=custom",
    # The backup can be restored by another role, in another database.
    *("--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions"),
    # A migration holds locks for a moment.
    "--lock-wait-timeout=60s",
    *("--no-password", "--dbname=service=ticketops"),
)


def backup(
    url: str, file: Path, *, overwrite: bool, progress: Callable[[int], None] | None = None
) -> int:
    """Write the database to a file, and return its size in bytes, 0 for the standard output.

    The file is complete or absent. ``progress`` is called with the number of bytes written.
    Raises BackupError, and MigrationRefused if the database cannot be read.
    """
    if file != STANDARD_OUTPUT:
        _refuse_existing(file, overwrite=overwrite)
    programs = find_client_programs(asyncio.run(_server_major(url)), prefers_same=True)
    with (
        libpq_environment(url) as environment,
        _temporary(file, overwrite=overwrite) as output,
        tempfile.TemporaryFile() as errors,
    ):
        # Written by its name, because pg_dump then records where the data of each table begins.
        target = [] if output is None else [f"--file={output}"]
        process = subprocess.Popen(  # noqa: S603  # a program of PostgreSQL
            programs.command("pg_dump", *_ARGUMENTS, *target),
            stdin=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        try:
            _wait(process, output, progress)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            errors.seek(0)
            reason = error_of(errors.read().decode(errors="replace"), process.returncode)
            hint = "No file was written."
            if "permission denied" in reason:
                hint += " Use the owner of the tables, or a member of pg_read_all_data."
            raise BackupError(f"The backup failed: {reason}.", hint=hint)
        return 0 if output is None else output.stat().st_size


def _wait(
    process: subprocess.Popen[bytes],
    output: Path | None,
    progress: Callable[[int], None] | None,
) -> None:
    while True:
        try:
            process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if progress is not None and output is not None:
                progress(output.stat().st_size)
        else:
            return


async def _server_major(url: str) -> int:
    async with connected(url) as connection:
        if await schema_version(connection) is None:
            raise BackupError(
                "The database does not contain tables of ticketops.",
                hint="Correct DATABASE_URL or DATA_DIR, or run: ticketops migrate",
            )
        return connection.get_server_version().major


def _refuse_existing(file: Path, *, overwrite: bool) -> None:
    if file.is_dir():
        raise BackupError(f"{file} is a folder.", hint="Name a file.")
    if file.exists() and not overwrite:
        raise BackupError(f"{file} exists.", hint="Name another file, or add --force.")


@contextmanager
def _temporary(file: Path, *, overwrite: bool) -> Iterator[Path | None]:
    """Create a private file with a temporary name, and rename it after the block.

    None for the standard output.
    """
    if file == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise BackupError("A terminal cannot show a backup.", hint="Redirect it to a file.")
        yield None
        return
    try:
        descriptor, path = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise BackupError(
            f"Cannot write {file}: {reason_of(error)}.", hint="Name a file that can be written."
        ) from error
    temporary = Path(path)
    try:
        yield temporary
        os.fsync(descriptor)
        _refuse_existing(file, overwrite=overwrite)
        temporary.rename(file)
    except OSError as error:
        raise BackupError(f"Cannot write {file}: {reason_of(error)}.") from error
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
