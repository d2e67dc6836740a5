"""Contents of a backup file, as pg_restore reports them."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.database.applied import VERSIONS, migration_number
from app.database.client_programs import BackupError, ClientPrograms, error_of

__all__ = ["STANDARD_INPUT", "DumpFile", "read_dump", "readable_dump"]

STANDARD_INPUT = Path("-")

# An entry of the table of contents: its type, its schema, its name, and its owner.
_ENTRY = re.compile(r"\d+; \d+ \d+ (?P<entry>.+)")
_VERSION_TABLE = re.compile(r"TABLE DATA .+ aerich \S+$")
_EXTENSION = re.compile(r"(COMMENT - )?EXTENSION ")
_SCHEMA = re.compile(r"SCHEMA - (?P<name>.+) \S+")
_COMMENT_ON_SCHEMA = re.compile(r"COMMENT - SCHEMA ")


@dataclass(frozen=True, slots=True)
class DumpFile:
    """A readable backup of this program or of an older version."""

    path: Path
    # The lines of its table of contents, which pg_restore accepts as well.
    contents: Sequence[str]
    version: str

    def contents_without(self, schemas: Collection[str]) -> str:
        """Return the table of contents without extensions and without these schemas.

        The service needs no extension, and most of them only a superuser can create.
        """
        return "".join(f"{line}\n" for line in self.contents if not _is_left_out(line, schemas))


def _is_left_out(line: str, schemas: Collection[str]) -> bool:
    found = _ENTRY.fullmatch(line)
    if found is None:
        return False
    entry = found["entry"]
    if _EXTENSION.match(entry) or _COMMENT_ON_SCHEMA.match(entry):
        return True
    schema = _SCHEMA.fullmatch(entry)
    return schema is not None and schema["name"] in schemas


@contextmanager
def readable_dump(path: Path) -> Iterator[Path]:
    """Yield the path of a file that can be opened: this one, or a copy of the standard input.

    pg_restore reads a file several times, which a pipe does not allow. Raises BackupError.
    """
    if path != STANDARD_INPUT:
        try:
            path.open("rb").close()
        except OSError as error:
            raise _unreadable(path, error) from error
        yield path
        return
    if sys.stdin.isatty():
        raise BackupError(
            "The standard input is a terminal, not a backup.",
            hint="Redirect a file or a pipe to it, or name a file.",
        )
    with tempfile.NamedTemporaryFile(prefix="ticketops-standard-input-") as copy:
        try:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
        except OSError as error:
            raise BackupError(
                f"Cannot copy the standard input to {copy.name}: {error.strerror}.",
                hint="Set TMPDIR to a folder with enough space, or name a file.",
            ) from error
        yield Path(copy.name)


def _unreadable(path: Path, error: OSError) -> BackupError:
    return BackupError(f"Cannot read {path}: {error.strerror}.", hint="Name a backup.")


def read_dump(path: Path, programs: ClientPrograms, environment: Mapping[str, str]) -> DumpFile:
    """Return what a file contains; raises BackupError if it cannot be restored."""
    listed = _run(path, programs, environment, "--list")
    contents = listed.splitlines()
    if not any(_VERSION_TABLE.search(line) for line in contents):
        raise BackupError(f"{path} is not a backup of ticketops.", hint="Name another file.")
    rows = _run(path, programs, environment, "--data-only", "--table=aerich", "--file=-")
    return DumpFile(path, contents, _version(path, rows))


def _version(path: Path, script: str) -> str:
    """Return the newest migration in the script that fills the table of migrations."""
    _, found, rest = script.partition("\nCOPY ")
    header, _, data = rest.partition("\n")
    columns = re.findall(r"\w+", header.partition("(")[2].partition(")")[0])
    if not found or "version" not in columns:
        raise BackupError(f"{path} is not a backup of ticketops.", hint="Name another file.")
    index = columns.index("version")
    rows = [line.split("\t") for line in data.partition("\n\\.")[0].splitlines() if line]
    applied = sorted((row[index] for row in rows), key=migration_number)
    unknown = [version for version in applied if version not in VERSIONS]
    if unknown:
        raise BackupError(
            f"{path} is from a newer version of ticketops: it is at {unknown[-1]}, this program at"
            f" {VERSIONS[-1]}.",
            hint="Restore it with that version.",
        )
    if not applied:
        raise BackupError(f"{path} is not a backup of ticketops.", hint="Name another file.")
    return applied[-1]


def _run(
    path: Path, programs: ClientPrograms, environment: Mapping[str, str], *arguments: str
) -> str:
    try:
        with path.open("rb") as file:
            done = subprocess.run(  # noqa: S603  # a program of PostgreSQL
                programs.command("pg_restore", *arguments),
                stdin=file,
                capture_output=True,
                env=environment,
                check=False,
            )
    except OSError as error:
        raise _unreadable(path, error) from error
    if done.returncode != 0:
        reason = error_of(done.stderr.decode(errors="replace"), done.returncode)
        raise BackupError(
            f"{path} cannot be read as a backup by pg_restore {programs.major}: {reason}.",
            hint="Name a complete file that `ticketops backup` or `pg_dump -Fc` has written.",
        )
    return done.stdout.decode(errors="replace")
