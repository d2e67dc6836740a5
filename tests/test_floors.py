"""The house stands: each floor imports only floors beneath it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the ground up.
FLOORS = ("engine", "models", "ops", "resolvers", "schema", "app")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported_floors(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                found = [module]
            case _:
                continue
        for name in found:
            floor = name.partition(".")[0]
            if floor in FLOORS:
                yield node.lineno, floor


def test_each_floor_imports_only_floors_beneath_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {floor}"
        for path in MODULES
        for line, floor in imported_floors(ast.parse(path.read_bytes()))
        if FLOORS.index(floor) > FLOORS.index(path.relative_to(ROOT).parts[0])
    ]
    assert wrong == []


def test_an_import_from_above_is_seen() -> None:
    """The test above can fail."""
    source = "def late():\n    from app.settings import Settings\n    import schema.build as b"
    assert list(imported_floors(ast.parse(source))) == [(2, "app"), (3, "schema")]


def test_the_floors_above_know_no_more_of_the_engine_than_its_face() -> None:
    """Which modules those are is said last where the engine opens."""
    docstring = ast.get_docstring(ast.parse((ROOT / "engine/__init__.py").read_bytes())) or ""
    face = {f"engine.{name}" for name in re.findall(r"`(\w+)`", docstring.split("\n\n")[-1])}
    imported = {
        node.module
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "engine"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine")
    }
    assert imported == face


def test_only_the_top_floor_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "app"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    }
    assert readers == set()


@pytest.mark.parametrize("floor", FLOORS)
def test_each_floor_opens_with_what_it_is(floor: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / floor / "__init__.py").read_bytes()))
