"""PostgreSQL's client programs: pg_dump, pg_restore and psql."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database.programs import EmbeddedPostgresError, find_programs
from app.errors import CommandError
from engine.database.dsn import DsnError
from engine.database.libpq import libpq_parameters

__all__ = [
    "BackupError",
    "ClientPrograms",
    "error_of",
    "find_client_programs",
    "libpq_environment",
    "server_programs",
]

_NAMES = ("pg_dump", "pg_restore", "psql")
# Where packages of Debian and of Red Hat install each version.
_INSTALLED = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_SERVICE = "ticketops"
# The rest contains secrets of this program.
_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "KRB5CCNAME", "SSLKEYLOGFILE"),
    # The variables of libpq that the service uses too, for parts that the URL does not name.
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGPASSFILE", "PGSSLMODE"),
    *("PGSSLNEGOTIATION", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGSSLCRL", "PGKRBSRVNAME"),
    *("PGSSLMINPROTOCOLVERSION", "PGSSLMAXPROTOCOLVERSION", "PGGSSLIB"),
)
_PREFIX = re.compile(r"^(?:psql:\S+ )?(?:pg_dump: |pg_restore: |psql: )?(?:error: |ERROR: +)?")
_ERROR = re.compile(r"\b(?:error|ERROR|FATAL|PANIC): ")


class BackupError(CommandError):
    """A backup cannot be written or restored."""


@dataclass(frozen=True, slots=True)
class ClientPrograms:
    """The folder of the programs, and their major version."""

    folder: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return the command that runs a program."""
        return [str(self.folder / name), *arguments]


def find_client_programs(server_major: int, *, prefers_same: bool = False) -> ClientPrograms:
    """Return the newest programs, those of the embedded PostgreSQL or of the system.

    ``prefers_same`` returns those of the server's version if there are any: a minor version of the
    server can be newer than all programs of a newer major version, and have what they do not know.
    Raises BackupError if there are none, or all are older than the server.
    """
    found = [
        ClientPrograms(folder, major)
        for folder in _folders()
        if all((folder / name).exists() for name in _NAMES)
        and (major := _major(folder / "pg_dump")) is not None
    ]
    newest = max(found, key=lambda programs: programs.major, default=None)
    package = f"On Debian: apt install postgresql-client-{server_major}."
    if newest is None:
        raise BackupError(
            "Cannot find pg_dump, pg_restore and psql.",
            hint=f"Install PostgreSQL's client programs, in the PATH. {package}",
        )
    if newest.major < server_major:
        raise BackupError(
            f"The newest pg_dump is version {newest.major} ({newest.folder}), but the server is"
            f" PostgreSQL {server_major}.",
            hint=f"Install PostgreSQL's client programs of version {server_major}. {package}",
        )
    if prefers_same:
        return next((one for one in found if one.major == server_major), newest)
    return newest


def server_programs(major: int) -> Path | None:
    """Return the folder of the programs of a server of this major version, None without any."""
    for folder in _folders():
        if (folder / "initdb").exists() and _major(folder / "postgres") == major:
            return folder
    return None


def _folders() -> Iterator[Path]:
    with suppress(EmbeddedPostgresError):
        own = find_programs()
        yield own
        # The wheel contains another version too.
        yield from sorted(own.parents[1].glob("pginstall*/bin"))
    for name in ("pg_dump", "postgres"):
        path = shutil.which(name)
        if path is not None:
            yield Path(path).resolve().parent if name == "postgres" else Path(path).parent
    for root, pattern in _INSTALLED:
        yield from sorted(Path(root).glob(pattern))


def _major(program: Path) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603  # a program of a known folder
            [program, "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    version = _VERSION.search(done.stdout)
    return int(version[1]) if version else None


@contextmanager
def libpq_environment(url: str) -> Iterator[Mapping[str, str]]:
    """Yield the environment of a program that connects to ``service=ticketops``.

    The credentials are in a private file, because every account can read the arguments of a
    program. Raises BackupError.
    """
    try:
        parameters = libpq_parameters(url)
    except DsnError as error:
        raise BackupError(f"Cannot use DATABASE_URL: {error}") from error
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"LC_ALL": "C"}
    # The file would lose blanks at its end.
    password = parameters.pop("password", None)
    if password is not None:
        environment["PGPASSWORD"] = password
    if any("\n" in value for value in parameters.values()):
        raise BackupError("Cannot use DATABASE_URL: a parameter contains a line break.")
    lines = [f"[{_SERVICE}]", *(f"{name}={value}" for name, value in parameters.items())]
    with tempfile.TemporaryDirectory(prefix="ticketops-") as folder:
        file = Path(folder) / "service"
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in lines))
        yield environment | {"PGSERVICEFILE": str(file)}


def error_of(output: str, exit_status: int) -> str:
    """Return in one line why a program failed."""
    lines = [line for line in output.splitlines() if line.strip()]
    # Of several errors, the first caused the others.
    line = next((line for line in lines if _ERROR.search(line)), lines[-1] if lines else "")
    return _PREFIX.sub("", line).rstrip(".") or f"exit status {exit_status}"
