"""Load: many connections that each send the next request as soon as the last is answered.

By wrk where it is installed, else by `client.py`; both are processes of their own,
take the same file of bodies, and say the same of what came back.
"""

import asyncio
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.benchmarks.places import SCRATCH
from tests.benchmarks.progress import Unmeasured

# In a body it is replaced by the number of the request, so that no two are the same.
NUMBER = "@NUMBER@"

_LUA = Path(__file__).with_suffix(".lua")


class LoadFailed(Unmeasured):
    """What was measured is not what was meant to be."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Where to send which bodies, in turn."""

    url: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """What came back. Failures are answers other than 2xx, and connections that broke."""

    requests: int
    seconds: float
    bytes: int
    failures: int
    p50_ms: float
    p99_ms: float


def generator() -> str:
    """Return the name of what makes the load."""
    return "wrk" if shutil.which("wrk") else "our own client"


async def load(
    requests: Requests, *, connections: int, seconds: float, first_number: int = 0
) -> Load:
    """Send requests for so long; raises LoadFailed where it could not be done."""
    bodies = SCRATCH / "bodies"
    bodies.write_bytes(b"".join(body + b"\n" for body in requests.bodies))
    command = _wrk if shutil.which("wrk") else _client
    process = await asyncio.create_subprocess_exec(
        *command(requests, bodies, connections, seconds, first_number),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise LoadFailed(output.decode(errors="replace"))
    return Load(**orjson.loads(output.strip().rpartition(b"\n")[2]))


def _wrk(
    requests: Requests, bodies: Path, connections: int, seconds: float, first_number: int
) -> list[str]:
    headers = [part for pair in requests.headers.items() for part in pair]
    # wrk knows whole seconds only.
    timing = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    script = ["-s", str(_LUA), requests.url, "--", str(bodies), NUMBER, str(first_number)]
    return ["wrk", *timing, *script, *headers]


def _client(
    requests: Requests, bodies: Path, connections: int, seconds: float, first_number: int
) -> list[str]:
    headers = [part for pair in requests.headers.items() for part in pair]
    what = [requests.url, str(bodies), str(connections), str(seconds), NUMBER, str(first_number)]
    return [sys.executable, "-m", "tests.benchmarks.client", *what, *headers]
