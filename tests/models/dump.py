"""What pg_dump says of a database, without what differs from server to server."""

import asyncio
import os
import re
from pathlib import Path

from app.database.programs import find_programs

COMMITTED = Path(__file__).parent / "schema.sql"

# Comments, the settings of the session that restores, and the guard of a random key.
_NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )")


async def schema_of(url: str) -> str:
    """Return the schema of a database as SQL; raises RuntimeError where pg_dump fails."""
    process = await asyncio.create_subprocess_exec(
        # The newest one that is at hand: it dumps older servers alike.
        str(find_programs() / "pg_dump"),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        url,
        # Moments in rules are written in the zone of the session.
        env={**os.environ, "PGTZ": "UTC"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode())
    lines = [line for line in out.decode().splitlines() if not _NOISE.match(line)]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip() + "\n"
