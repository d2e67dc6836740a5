"""A copy of the repository, changed as a page of the documentation says."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.app.service import environment
from tests.docs.markdown import ROOT, Page

__all__ = ["PRODUCT", "Tree", "changed_copy"]

# The packages that are shipped; a page counts the files of these.
PRODUCT = ("app", "engine", "models", "ops", "resolvers", "schema")
_COPIED = (*PRODUCT, "aerich.ini", "pyproject.toml", "tests/models/schema.sql")
_ENVIRONMENT = Path(sys.executable).parents[1]


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of the repository whose programs run from its own files."""

    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that make Python import the copy."""
        return {"PYTHONPATH": str(self.folder)}

    def run(self, command: str, **settings: str) -> None:
        """Run a command of a page."""
        done = subprocess.run(
            ("/bin/sh", "-ec", command),
            cwd=self.folder,
            env=environment({**self.settings, **settings}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}{done.stdout}{done.stderr}"

    def write(self, path: str, text: str) -> None:
        """Create a file; it must not exist."""
        file = self.folder / path
        assert not file.exists(), path
        file.write_text(text)

    def patch(self, diff: str) -> None:
        """Apply a unified diff of one file; each hunk must match exactly one place."""
        _, target, *lines = diff.splitlines()
        [file] = self.folder.glob(target.removeprefix("+++ b/"))
        text = file.read_text()
        for hunk in "\n".join(lines).split("@@\n")[1:]:
            old = [line[1:] for line in hunk.splitlines() if not line.startswith("+")]
            new = [line[1:] for line in hunk.splitlines() if not line.startswith("-")]
            before, after = "\n".join(old) + "\n", "\n".join(new) + "\n"
            assert text.count(before) == 1, f"{file.name} has {text.count(before)} of\n{before}"
            text = text.replace(before, after)
        file.write_text(text)

    def changed_product_files(self) -> set[str]:
        """Return the paths of the files that are new, or differ from the repository's."""
        files = {
            file.relative_to(self.folder).as_posix(): file.read_bytes()
            for package in PRODUCT
            for file in (self.folder / package).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
        return {
            path
            for path, content in files.items()
            if not (ROOT / path).exists() or (ROOT / path).read_bytes() != content
        }


def changed_copy(page: Page, folder: Path, database_url: str) -> Tree:
    """Copy the repository and apply a page to it, block by block."""
    tree = Tree(folder)
    for path in _COPIED:
        source, copy = ROOT / path, folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    (folder / ".venv").symlink_to(_ENVIRONMENT)
    for block in page.blocks:
        if block.treatment == "file":
            tree.write(block.argument, block.text)
        elif block.language == "diff":
            tree.patch(block.text)
        elif block.language == "sh" and "make" not in block.text:
            tree.run(block.text, DATABASE_URL=database_url)
    return tree
