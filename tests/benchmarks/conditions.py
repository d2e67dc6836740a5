"""Under what conditions something was measured, for whoever reads the numbers later."""

import asyncio
import os
import platform
import shutil
from importlib.metadata import version

import asyncpg

from tests.benchmarks.load import generator


async def conditions(connection: asyncpg.Connection, *, load: str | None = None) -> str:
    """Return them as one line."""
    parts = [
        f"{os.cpu_count()} cores ({platform.system()} {platform.machine()})",
        f"Python {platform.python_version()}",
        f"PostgreSQL {connection.get_settings().server_version.split()[0]}",
        f"strawberry-graphql {version('strawberry-graphql')}",
        f"load by {load or generator()}",
    ]
    if node := shutil.which("node"):
        process = await asyncio.create_subprocess_exec(
            node, "--version", stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        parts.insert(2, f"Node {told.decode().strip().lstrip('v')}")
    return ", ".join(parts)
