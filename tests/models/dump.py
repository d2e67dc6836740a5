"""The output of pg_dump for a database, without parts that differ between servers."""

import asyncio
import os
import re
from pathlib import Path

from app.database.programs import find_programs

COMMITTED = Path(__file__).parent / "schema.sql"

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
