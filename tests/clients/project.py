"""A copy of a client's project, to run its tools in."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Project", "copied", "install", "run"]

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schema" / "schema.graphql"
TIMEOUT_S = 240
# No word about funding, updates or the like, and nothing told to anybody.
_QUIET = {"NO_UPDATE_NOTIFIER": "1", "DO_NOT_TRACK": "1", "CI": "true"}


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a program and return what it prints; fail with all it said where it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | _QUIET | environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(folder: Path) -> None:
    """Bring the packages of package.json into the folder, unless they are there."""
    wanted = HERE / "package.json"
    stamp = folder / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return
    if folder != HERE:
        shutil.copy(wanted, folder)
    # Without their scripts: none of them needs one, and it would run as who tests.
    npm = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
    run(*npm, "--prefer-offline", "--loglevel=error", cwd=folder)
    shutil.copy(wanted, stamp)


@dataclass(frozen=True, slots=True)
class Project:
    """A client's project in a folder of its own."""

    folder: Path

    def run(self, program: str, *arguments: str, **environ: str) -> str:
        """Run a program of the packages, or node itself, and return what it prints."""
        packaged = self.folder / "node_modules" / ".bin" / program
        command = packaged if packaged.exists() else program
        return run(command, *arguments, cwd=self.folder, **environ)


def copied(name: str, target: Path) -> Project:
    """Copy the project of this name, with the printed schema and the packages beside it."""
    folder = target / name
    shutil.copytree(HERE / name, folder)
    shutil.copy(SCHEMA, folder)
    shutil.copy(HERE / "package.json", folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    return Project(folder)
