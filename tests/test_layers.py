"""Imports go down: between the layers, and between the packages inside a layer.

Each list below names its members from the bottom up; a module imports only members that precede
its own. The lists are the single place where the order is declared.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("engine", "models", "ops", "resolvers", "schema", "app")
# The packages and modules directly inside a layer, for the layers that have packages.
PACKAGES = {
    "engine": (
        "errors",
        "exact_json",
        "histogram",
        "caches",
        "sql",
        "database",
        "long_work",
        "arguments",
        "documents",
        "projection",
        "execution",
        "streaming",
    ),
    "ops": ("clients", "simulator", "delivery"),
    "resolvers": (
        "errors",
        "normalization",
        "text_validation",
        "json_values",
        "date_times",
        "tables",
        "feeds",
        "rejections",
        "context",
        "pages",
        "filter_operators",
        "idempotency",
        "nodes",
        "subscriptions",
        "log_entries",
        "deliveries",
        "ops_health",
        "tickets",
    ),
    "schema": (
        "common",
        "preparation",
        "ops",
        "tickets",
        "queries",
        "mutations",
        "subscriptions",
        "access",
        "costs",
        "deprecations",
        "build",
    ),
    "app": (
        "errors",
        "background",
        "config",
        "database",
        "auth",
        "http",
        "monitoring",
        "middleware",
        "graphiql",
        "graphql",
        "rest",
        "seed",
        "delivery",
        "key_expiry",
        "application",
        "server",
        "processes",
        "cli",
        "reference",
        "__main__",
    ),
}
MODULES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
# Every package whose `__init__` must introduce it.
ALL_PACKAGES = sorted(path.parent for path in MODULES if path.name == "__init__.py")


def module_name(path: Path) -> str:
    """Return the dotted name of a module; that of its package for an `__init__`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each import of the project's own modules: line and dotted name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                # `from app import graphql` names the package in its second part.
                found = [f"{module}.{alias.name}" for alias in names]
            case _:
                continue
        for name in found:
            if name.partition(".")[0] in LAYERS:
                yield node.lineno, name


def is_type_checking(node: ast.stmt) -> bool:
    """Whether this is an ``if TYPE_CHECKING:`` block."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def parsed(path: Path) -> ast.Module:
    """Return the tree of a module, without the imports of a GraphQL type for type checking.

    GraphQL types refer to each other: `strawberry.lazy` imports them when the schema is built.
    """
    tree = ast.parse(path.read_bytes())
    if path.relative_to(ROOT).parts[0] == "schema":
        tree.body = [node for node in tree.body if not is_type_checking(node)]
    return tree


def position(name: str, order: Sequence[str], depth: int) -> int | None:
    """Return where a dotted name is in an order of layers or packages; None outside of it."""
    parts = name.split(".")
    return order.index(parts[depth]) if len(parts) > depth and parts[depth] in order else None


def upward_imports(name: str, tree: ast.AST) -> Iterator[str]:
    """Yield a line for each import that goes up from the module of this name."""
    layer = name.partition(".")[0]
    for line, imported in imports_of(tree):
        same_layer = imported.partition(".")[0] == layer
        order = PACKAGES.get(layer, ()) if same_layer else LAYERS
        depth = 1 if same_layer else 0
        own, other = position(name, order, depth), position(imported, order, depth)
        if own is not None and other is not None and other > own:
            yield f"{name}:{line} imports {imported}"


def import_cycles(edges: dict[str, set[str]]) -> Iterator[str]:
    """Yield each cycle of modules that is found, as a line."""
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> Iterator[str]:
        if name in trail:
            yield " -> ".join((*trail[trail.index(name) :], name))
            return
        if name not in done:
            for other in sorted(edges.get(name, ())):
                yield from visit(other, (*trail, name))
            done.add(name)

    for start in sorted(edges):
        yield from visit(start, ())


def test_imports_go_down_the_layers_and_packages() -> None:
    wrong = [line for path in MODULES for line in upward_imports(module_name(path), parsed(path))]
    assert wrong == []


def test_each_package_has_its_place_in_the_order() -> None:
    for layer, order in PACKAGES.items():
        names = {
            path.stem
            for path in (ROOT / layer).iterdir()
            if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        assert names - {"__init__"} == set(order)


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {module_name(path) for path in MODULES}
    edges: dict[str, set[str]] = {}
    for path in MODULES:
        imported = {name for _, name in imports_of(parsed(path))}
        known = {name if name in names else name.rpartition(".")[0] for name in imported}
        # A package's `__init__` gathers the names of its modules.
        edges[module_name(path)] = (known & names) - {module_name(path)}
    assert list(import_cycles(edges)) == []


def test_an_upward_import_is_found() -> None:
    source = (
        "def late():\n    from app.config.settings import Settings\n    import schema.build as b"
    )
    found = list(upward_imports("ops.delivery.worker", ast.parse(source)))
    assert found == [
        "ops.delivery.worker:2 imports app.config.settings.Settings",
        "ops.delivery.worker:3 imports schema.build",
    ]
    inside = ast.parse("from engine.execution.plan import plan_of")
    assert list(upward_imports("engine.sql.tables", inside)) == [
        "engine.sql.tables:1 imports engine.execution.plan.plan_of"
    ]


def test_a_cycle_is_found() -> None:
    assert list(import_cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == ["a -> b -> c -> a"]


def test_other_layers_use_only_the_public_modules_of_the_engine() -> None:
    """The last paragraph of the engine's docstring names those modules."""
    docstring = ast.get_docstring(ast.parse((ROOT / "engine/__init__.py").read_bytes())) or ""
    names = re.findall(r"`([\w.]+)`", docstring.split("\n\n")[-1])
    imported = {
        node.module
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "engine"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine")
    }
    assert imported == {f"engine.{name}" for name in names}


def test_only_the_app_layer_reads_the_environment() -> None:
    readers = {
        module_name(path)
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "app"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    }
    assert readers == set()


@pytest.mark.parametrize(
    "package", ALL_PACKAGES, ids=lambda path: module_name(path / "__init__.py")
)
def test_each_package_introduces_itself_in_at_most_ten_lines(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_bytes()))
    assert docstring
    if package.name != "engine":
        assert len(docstring.splitlines()) <= 10
