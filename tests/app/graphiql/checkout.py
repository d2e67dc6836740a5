"""A copy of the package that serves GraphiQL, without downloaded files as in a fresh checkout."""

import shutil
from pathlib import Path

import app

APP = Path(app.__file__).parent


def copy_graphiql(checkout: Path) -> Path:
    """Copy the package and what it imports, and return the folder to run in."""
    ignored = shutil.ignore_patterns("static", ".static-*", "__pycache__")
    shutil.copytree(APP / "graphiql", checkout / "app" / "graphiql", ignore=ignored)
    # The package imports modules of this one.
    shutil.copytree(APP / "http", checkout / "app" / "http", ignore=ignored)
    shutil.copy(APP / "__init__.py", checkout / "app")
    return checkout


def add_downloaded_files(checkout: Path) -> None:
    """Add the third-party files, as `make graphiql` does."""
    shutil.copytree(APP / "graphiql" / "static", checkout / "app" / "graphiql" / "static")
