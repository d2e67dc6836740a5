"""The output of pg_dump for a database, without parts that differ between servers.

`python -m tests.models.dump` writes the output for a new database to tests/models/schema.sql.
"""

import asyncio
import os
import re
import tempfile
from pathlib import Path

from app.database.embedded import VOLATILE, EmbeddedPostgres
from app.database.migrations import migrate
from app.database.programs import find_programs
from tests.conftest import empty_database
from tests.superuser import superuser_options, superuser_url

COMMITTED = Path(__file__).parent / "schema.sql"
OUTDATED = (
    "The database does not have the schema of tests/models/schema.sql. If a migration changed it"
    " on purpose, run `make dump` and commit the file."
)

# Comments, session settings, and the \\restrict lines, which contain a random key.
_NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )")


async def schema_of(url: str) -> str:
    """Return the schema of a database as SQL; raise RuntimeError if pg_dump fails."""
    process = await asyncio.create_subprocess_exec(
        # The newest installed version: it dumps all older servers in the same form.
        str(find_programs() / "pg_dump"),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        url,
        # Times in CHECK constraints are printed in the time zone of the session.
        env={**os.environ, "PGTZ": "UTC"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode())
    lines = [line for line in out.decode().splitlines() if not _NOISE.match(line)]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip() + "\n"


async def _write() -> None:
    async with empty_database() as url:
        await migrate(url)
        COMMITTED.write_text(await schema_of(url))


def main() -> None:
    """Write the committed schema, on the server of TEST_DATABASE_URL or an embedded one."""
    if os.environ.get("TEST_DATABASE_URL"):
        asyncio.run(_write())
        return
    with tempfile.TemporaryDirectory(prefix="ticketops-dump-") as folder:
        options = VOLATILE | superuser_options(Path(folder))
        server = EmbeddedPostgres(Path(folder), options=options)
        os.environ["TEST_DATABASE_URL"] = superuser_url(server.start())
        try:
            asyncio.run(_write())
        finally:
            server.stop()


if __name__ == "__main__":
    main()
