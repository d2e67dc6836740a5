"""The code of the previous release, and of a next one with a further migration."""

import io
import shutil
import subprocess
import tarfile
from importlib import import_module
from pathlib import Path

from app.database.applied import EXPECTED_VERSION, migration_number
from tests.docs.markdown import ROOT
from tests.docs.tree import PRODUCT, Tree, changed_copy

__all__ = ["NEXT_VERSION", "next_release", "previous_release"]

NEXT_VERSION = f"{migration_number(EXPECTED_VERSION) + 1}_29990101000000_next.py"
# Before this module was added, a migration failed requests that ran meanwhile.
_FIRST_WITH = "engine/database/outdated_statements.py"
_MIGRATION = '''"""A migration that changes the results of all statements with a star."""

from functools import partial

from tortoise import BaseDBAsyncClient

from models.migrations.compatibility import Description, TableLock, recorded
from models.migrations.locking import with_lock

TABLES = (
    "tickets",
    "ticket_events",
    "log_entries",
    "ops_deliveries",
    "idempotency_keys",
    "api_tokens",
)
DESCRIPTION = Description(
    oldest_code=0,
    locks=tuple(TableLock(table, blocks="reads and writes", lasts="a moment") for table in TABLES),
)
RUN_IN_TRANSACTION = False


async def execute(change: str, db: BaseDBAsyncClient) -> None:
    await db.execute_script(change)


@recorded(DESCRIPTION)
async def upgrade(db: BaseDBAsyncClient) -> str:
    """Add a column to each table, one transaction each."""
    for table in TABLES:
        change = f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS added text NOT NULL DEFAULT 'x'"
        await with_lock(db, table, "ACCESS EXCLUSIVE", partial(execute, change))
    return """
        CREATE TABLE notes (
            id text PRIMARY KEY,
            ticket_id text NOT NULL REFERENCES tickets ON DELETE CASCADE
        );
    """


'''


def previous_release(folder: Path) -> Tree:
    """Return the newest release before the working tree, as far as the history of the clone goes.

    Without a tag, the first commit that the next versions promise to support. Without a history,
    as in a source archive, the working tree itself.
    """
    folder.mkdir()
    commit = _previous_commit() if (ROOT / ".git").exists() else None
    if commit is None:
        for package in PRODUCT:
            shutil.copytree(ROOT / package, folder / package)
        return Tree(folder)
    archive = _git("archive", "--format=tar", commit, *PRODUCT)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return Tree(folder)


def _previous_commit() -> str | None:
    tags = _git("tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD").decode().split()
    if tags:
        return _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^").decode().strip()
    log = _git("log", "--diff-filter=A", "--format=%H", "--", _FIRST_WITH).decode().split()
    return log[-1] if log else None


def _git(*arguments: str) -> bytes:
    command = ["git", "-c", f"safe.directory={ROOT}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


def next_release(folder: Path) -> Tree:
    """Return a copy of the working tree with a further migration."""
    folder.mkdir()
    tree = changed_copy(folder, "")
    newest = import_module(f"models.migrations.{EXPECTED_VERSION.removesuffix('.py')}")
    migration = f"{_MIGRATION}MODELS_STATE = {newest.MODELS_STATE!r}\n"
    (folder / "models" / "migrations" / NEXT_VERSION).write_text(migration)
    return tree
