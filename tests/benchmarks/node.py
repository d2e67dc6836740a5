"""The peers in Node: their packages brought by npm, into a folder that is thrown away."""

import asyncio
import shutil
from pathlib import Path

from tests.benchmarks.places import SCRATCH
from tests.benchmarks.progress import Unmeasured, say

_INSTALL = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")


class NotInstalled(Unmeasured):
    """npm could not bring the packages."""


def is_there() -> bool:
    """Return whether this machine has Node and npm."""
    return bool(shutil.which("node") and shutil.which("npm"))


async def install(source: Path) -> Path:
    """Return a copy of a peer's folder with its packages beside it; raises NotInstalled."""
    folder = SCRATCH / "peers" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (source / "package.json").read_bytes()
    manifest, stamp = folder / "package.json", folder / ".installed"
    if not stamp.exists() or stamp.read_bytes() != wanted:
        say(f"Bringing the packages of {source.name}, once")
        manifest.write_bytes(wanted)
        npm = await asyncio.create_subprocess_exec(
            "npm",
            *_INSTALL,
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await npm.communicate()
        if npm.returncode:
            raise NotInstalled(output.decode(errors="replace"))
        stamp.write_bytes(wanted)
    shutil.copy(source / "server.js", folder)
    return folder
