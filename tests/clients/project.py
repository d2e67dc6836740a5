"""A copy of a client's project, to run its tools in."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "NPM_PROGRAMS",
    "ProgramFailed",
    "Project",
    "copied",
    "install_npm",
    "install_pip",
    "run",
]

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schema" / "schema.graphql"
NPM_PROGRAMS = HERE / "node_modules" / ".bin"
TIMEOUT_S = 240
# No word about funding, updates or the like, and nothing told to anybody.
_QUIET = {"NO_UPDATE_NOTIFIER": "1", "DO_NOT_TRACK": "1", "CI": "true"}


class ProgramFailed(Exception):
    """A program ended with another status than 0; with all that it said."""


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a program and return what it prints; raises ProgramFailed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | _QUIET | environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise ProgramFailed(f"{command}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def install_npm(folder: Path = HERE) -> None:
    """Install the packages of package.json, unless they are installed; raises ProgramFailed."""
    wanted = folder / "package.json"
    stamp = folder / "node_modules" / ".installed"
    if _is_same(stamp, wanted):
        return
    # Without their scripts: none of them needs one, and it would run as who tests.
    npm = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
    run(*npm, "--prefer-offline", "--loglevel=error", cwd=folder)
    shutil.copy(wanted, stamp)


def install_pip(project: str) -> Path:
    """Make a project's virtual environment, unless it is there; raises ProgramFailed.

    Returns the folder of its programs.
    """
    folder = HERE / project
    environment = folder / ".venv"
    wanted = folder / "requirements.lock"
    stamp = environment / ".installed"
    programs = environment / "bin"
    if not _is_same(stamp, wanted):
        run(sys.executable, "-m", "venv", "--clear", environment, cwd=folder)
        pip = (programs / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
        run(*pip, "install", "--no-deps", "--require-hashes", "-r", wanted, cwd=folder)
        shutil.copy(wanted, stamp)
    return programs


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.read_bytes() == other.read_bytes()


@dataclass(frozen=True, slots=True)
class Project:
    """A client's project in a folder of its own, and where its tools are."""

    folder: Path
    programs: Path

    def run(self, program: str, *arguments: str, **environ: str) -> str:
        """Run one of the tools, or node, and return what it prints; raises ProgramFailed."""
        tool = self.programs / program
        return run(tool if tool.exists() else program, *arguments, cwd=self.folder, **environ)


def copied(name: str, target: Path, programs: Path) -> Project:
    """Copy the project of this name, with the printed schema and the packages beside it."""
    folder = target / name
    shutil.copytree(HERE / name, folder, ignore=shutil.ignore_patterns(".*"))
    shutil.copy(SCHEMA, folder)
    if programs == NPM_PROGRAMS:
        if not (folder / "package.json").exists():
            shutil.copy(HERE / "package.json", folder)
        (folder / "node_modules").symlink_to(HERE / "node_modules")
    return Project(folder, programs)
