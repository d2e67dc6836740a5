"""A copy of the page's package in a folder of its own, as a fresh checkout has it."""

import shutil
from pathlib import Path

import app.graphiql

HERE = Path(app.graphiql.__file__).parent


def copy_graphiql(house: Path) -> Path:
    """Copy it, without the files that the set-up brings; answer the folder to run in."""
    ignored = shutil.ignore_patterns("static", ".static-*", "__pycache__")
    shutil.copytree(HERE, house / "app" / "graphiql", ignore=ignored)
    (house / "app" / "__init__.py").touch()
    return house


def bring_files(house: Path) -> None:
    """Copy the brought files after it, as `make graphiql` would put them there."""
    shutil.copytree(HERE / "static", house / "app" / "graphiql" / "static")
