"""Restore of a backup into a database without tables, in one transaction."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

import asyncpg

from app.database.client_programs import (
    BackupError,
    ClientPrograms,
    error_of,
    find_client_programs,
    libpq_environment,
)
from app.database.dump_file import DumpFile, read_dump
from app.database.migration_errors import connected
from app.database.migrations import MigrationReport, migrate, migration_lock
from app.database.server_checks import refuse_unfit_schema

__all__ = ["RestoreReport", "restore"]

LOCK_TIMEOUT_S = 600.0
CHUNK_BYTES = 1 << 16
# The settings at the start of each script.
_HEADER_LINES = 40
# pg_restore sets it since version 17; older servers do not know it.
_NEW_SETTING = b"SET transaction_timeout = 0;\n"
# Minor versions of November 2026 store it with each column. Their own pg_dump omits it; older ones
# write it, and older servers do not know it.
_COLUMN_VERSION = re.compile(rb"ALTER TABLE ONLY .+ ALTER COLUMN .+ SET \(pg_attver=\d+\);\n")
_SECTIONS = (("--section=pre-data",), ("--section=data", "--section=post-data"))
_TABLES = ("tickets", "log_entries", "ticket_events", "ops_deliveries", "aerich")
_EXISTING = """
SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL
"""
_COUNTS = """
SELECT (SELECT count(*) FROM tickets) AS tickets,
    (SELECT count(*) FROM ticket_events) AS events,
    (SELECT count(*) FROM log_entries) AS log_entries
"""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Numbers of restored rows, and the migrations that were applied afterwards."""

    tickets: int
    events: int
    log_entries: int
    version: str
    migration: MigrationReport


def restore(
    url: str, file: Path, *, progress: Callable[[int, int], None] | None = None
) -> RestoreReport:
    """Restore a file into a database without tables of the service, and migrate it.

    Either everything is restored or nothing. ``progress`` is called with the number of bytes that
    were read and the size of the file. Raises BackupError and MigrationRefused.
    """
    return asyncio.run(_restore(url, file, progress or (lambda _done, _total: None)))


async def _restore(url: str, file: Path, progress: Callable[[int, int], None]) -> RestoreReport:
    async with connected(url) as connection:
        version = connection.get_server_version().major
        programs = find_client_programs(version)
        with libpq_environment(url) as environment:
            dump = read_dump(file, programs, environment)
            await refuse_unfit_schema(connection)
            # Servers that start meanwhile wait for the restored tables.
            async with migration_lock(connection, timeout_s=LOCK_TIMEOUT_S):
                await _refuse_existing(connection)
                schemas = await connection.fetchval("SELECT array_agg(nspname) FROM pg_namespace")
                pipeline = _Pipeline(programs, environment, progress, server_major=version)
                try:
                    await asyncio.to_thread(pipeline.run, dump, schemas)
                finally:
                    # The command was interrupted.
                    pipeline.stop()
    report = await migrate(url)
    async with connected(url) as connection:
        # Otherwise statistics are missing until autovacuum makes them.
        await connection.execute("ANALYZE")
        (counts,) = await connection.fetch(_COUNTS)
    return RestoreReport(**counts, version=dump.version, migration=report)


async def _refuse_existing(connection: asyncpg.Connection) -> None:
    existing = [row["name"] for row in await connection.fetch(_EXISTING, _TABLES)]
    if existing:
        raise BackupError(
            f'The database already has the table "{existing[0]}".',
            hint="Restore into an empty database: create one for DATABASE_URL, or set DATA_DIR to"
            " another folder.",
        )


class _Pipeline:
    """pg_restore, whose script psql runs in one transaction.

    pg_restore can restore by itself, but then it sets parameters that older servers do not know.
    """

    def __init__(
        self,
        programs: ClientPrograms,
        environment: Mapping[str, str],
        progress: Callable[[int, int], None],
        *,
        server_major: int,
    ) -> None:
        self._programs = programs
        self._environment = environment
        self._progress = progress
        self._has_new_setting = server_major >= 17  # noqa: PLR2004  # the version that added it
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self, dump: DumpFile, schemas: Sequence[str]) -> None:
        """Restore a file; these schemas exist in the database. Raises BackupError."""
        with (
            tempfile.NamedTemporaryFile("w") as contents,
            tempfile.TemporaryFile() as reading_errors,
            tempfile.TemporaryFile() as writing_errors,
            dump.path.open("rb") as file,
        ):
            contents.write(dump.contents_without(schemas))
            contents.flush()
            writer = self._start(
                self._programs.command(
                    "psql",
                    *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password"),
                    "--dbname=service=ticketops",
                ),
                subprocess.PIPE,
                writing_errors,
            )
            command = self._programs.command(
                "pg_restore", "--no-owner", "--no-privileges", f"--use-list={contents.name}"
            )

            def start_reader(sections: Sequence[str]) -> subprocess.Popen[bytes]:
                file.seek(0)
                return self._start([*command, *sections, "--file=-"], file, reading_errors)

            try:
                failed = self._pump(start_reader, writer, file)
            finally:
                self.stop()
            if failed is not None:
                errors = writing_errors if failed is writer else reading_errors
                errors.seek(0)
                reason = error_of(errors.read().decode(errors="replace"), failed.returncode)
                raise BackupError(
                    f"The restore failed: {reason}.",
                    hint="Nothing was restored. Correct the cause, then try again.",
                )

    def stop(self) -> None:
        """End the programs; the transaction is then rolled back unless it has been committed."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _pump(
        self,
        start_reader: Callable[[Sequence[str]], subprocess.Popen[bytes]],
        writer: subprocess.Popen[bytes],
        file: IO[bytes],
    ) -> subprocess.Popen[bytes] | None:
        """Pass the scripts on; return the process that failed, None if all was committed."""
        script = cast("IO[bytes]", writer.stdin)
        total = os.fstat(file.fileno()).st_size
        try:
            with script:
                script.write(b"BEGIN;\n")
                for sections in _SECTIONS:
                    reader = start_reader(sections)
                    with cast("IO[bytes]", reader.stdout) as output:
                        for part in self._parts(output, has_data="--section=data" in sections):
                            script.write(part)
                            # pg_restore shares the position of this descriptor.
                            self._progress(os.lseek(file.fileno(), 0, os.SEEK_CUR), total)
                    # psql rolls back at the end of a script without COMMIT.
                    if reader.wait() != 0:
                        return reader
                script.write(b"COMMIT;\n")
        except BrokenPipeError:
            # psql has ended because of an error.
            pass
        return writer if writer.wait() != 0 else None

    def _parts(self, output: IO[bytes], *, has_data: bool) -> Iterator[bytes]:
        """Yield the script of pg_restore without the statements that the server does not know."""
        lines = islice(output, _HEADER_LINES) if has_data else output
        for line in lines:
            is_new = line == _NEW_SETTING and not self._has_new_setting
            if not is_new and not _COLUMN_VERSION.fullmatch(line):
                yield line
        while chunk := output.read(CHUNK_BYTES):
            yield chunk

    def _start(
        self, command: Sequence[str], stdin: int | IO[bytes], errors: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        is_reader = stdin != subprocess.PIPE
        process = subprocess.Popen(  # noqa: S603  # a program of PostgreSQL
            command,
            stdin=stdin,
            stdout=subprocess.PIPE if is_reader else subprocess.DEVNULL,
            stderr=errors,
            env=self._environment,
            start_new_session=True,
        )
        self._processes.append(process)
        return process
