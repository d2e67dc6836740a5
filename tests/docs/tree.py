"""A copy of the repository, changed as a page of the documentation says."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.app.service import environment
from tests.docs.markdown import ROOT, Block, Page

__all__ = ["PRODUCT", "Tree", "changed_copy"]

# The packages that are shipped; a page counts the files of these.
PRODUCT = ("app", "engine", "models", "ops", "resolvers", "schema")
_COPIED = (*PRODUCT, "aerich.ini", "pyproject.toml")
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

    def write(self, page: Page, block: Block) -> None:
        """Create the file that a block of a page shows."""
        file = self.folder / block.argument
        assert not file.exists(), _already_applied(page, block, block.argument)
        file.write_text(block.text)

    def patch(self, page: Page, block: Block) -> None:
        """Apply the diff of one file that a block of a page shows.

        A hunk has context on one side only, so that it still applies after another field or type
        has been added at the same place.
        """
        place = f"{page.name}:{block.line}"
        _, target, *lines = block.text.splitlines()
        pattern = target.removeprefix("+++ b/")
        files = list(self.folder.glob(pattern))
        assert len(files) == 1, (
            f"{place} changes {pattern}, which is the name of {len(files)} files."
        )
        text = f"\n{files[0].read_text()}"
        changes = [_change(place, hunk) for hunk in "\n".join(lines).split("@@\n")[1:]]
        applied = all(after in text for _, after in changes)
        assert not applied, _already_applied(page, block, pattern)
        for before, after in changes:
            count = text.count(before)
            assert count == 1, (
                f"{place} changes {pattern} at lines that must occur once, but occur {count} times:"
                f"{before}Correct the diff of the page: give lines that the file has once."
            )
            text = text.replace(before, after)
        files[0].write_text(text.removeprefix("\n"))

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


def _change(place: str, hunk: str) -> tuple[str, str]:
    """Return the lines that a hunk replaces, and the new ones."""
    signs = "".join(line[:1] for line in hunk.splitlines())
    assert re.fullmatch(r" *[+-]+|\++ +", signs), (
        f"{place} has lines above and below a change. Keep only those above:\n{hunk}"
    )
    before = [line[1:] for line in hunk.splitlines() if not line.startswith("+")]
    after = [line[1:] for line in hunk.splitlines() if not line.startswith("-")]
    return "\n".join(["", *before, ""]), "\n".join(["", *after, ""])


def _already_applied(page: Page, block: Block, path: str) -> str:
    return (
        f"{page.name}:{block.line} has already been applied to {path}. The page cannot be tested"
        " in a repository that contains its example: use other names than the example."
    )


def changed_copy(folder: Path, database_url: str, *pages: Page) -> Tree:
    """Copy the repository and apply pages to it, block by block."""
    tree = Tree(folder)
    for path in _COPIED:
        source, copy = ROOT / path, folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    (folder / ".venv").symlink_to(_ENVIRONMENT)
    for page in pages:
        for block in page.blocks:
            if block.treatment == "file":
                tree.write(page, block)
            elif block.language == "diff":
                tree.patch(page, block)
            elif block.language == "sh" and "make" not in block.text:
                tree.run(block.text, DATABASE_URL=database_url)
    # The part of `make format` that the pages rely on: it merges the imports from one module.
    tree.run(".venv/bin/ruff check --quiet --select I --fix-only .")
    return tree
