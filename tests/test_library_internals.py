"""Every private or overridden name of a library that the product uses, with the reason.

The libraries may change these names in any release. library_internals.toml lists them, and these
tests compare it with the installed libraries and with the source of the product. An upgrade that
changes one fails here; docs/contributing/upgrade-a-dependency.md says how to proceed.

A name is internal if it starts with an underscore; if it is imported from a module that its
library does not document; or if one of our subclasses overrides it or reads it through ``self``.
"""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import GenericAlias, MemberDescriptorType
from typing import Any

import pytest
from graphql import Visitor
from tortoise.models import Model

ROOT = Path(__file__).parent.parent
LAYERS = ("engine", "models", "ops", "resolvers", "schema", "app")
LIBRARIES = (
    "aerich",
    "asyncpg",
    "dotenv",
    "graphql",
    "httptools",
    "starlette",
    "strawberry",
    "tortoise",
    "uvicorn",
    "websockets",
)
# Documented modules, in addition to `LIBRARIES` and to all modules of Starlette.
DOCUMENTED = {
    "graphql.execution",
    "graphql.language",
    "graphql.pyutils",
    "graphql.utilities",
    "strawberry.extensions",
    "strawberry.federation",
    "strawberry.printer",
    "strawberry.relay",
    "strawberry.schema.config",
    "strawberry.types.scalar",
    "tortoise.exceptions",
    "tortoise.fields",
    "tortoise.fields.db_defaults",
    "tortoise.indexes",
    "tortoise.models",
    "tortoise.transactions",
}
# Private by their spelling alone: Python documents them.
STANDARD = {"_asdict", "_fields", "_replace"}


@dataclass(frozen=True)
class Use:
    """Names of one module or class (``module:Class``) of a library, and why we use them.

    Each name has its signature, the type of the attribute as far as the source of the library
    declares it, or its kind.
    """

    owner: str
    modules: list[str]
    reason: str
    names: Mapping[str, str]

    @property
    def covered(self) -> set[str]:
        """The names, and the private parameters of their signatures."""
        return {*self.names, *re.findall(r"\b_\w+", " ".join(self.names.values()))}


TABLE = ROOT / "tests" / "library_internals.toml"
USES = [Use(**use) for use in tomllib.loads(TABLE.read_text(encoding="utf-8"))["use"]]


@cache
def resolve(owner: str) -> Any:
    """Return the module or class of this name."""
    module, _, name = owner.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


def signature(function: Any) -> str:
    """Return the parameters without annotations; ``=...`` marks one with a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return "built-in"
    texts = []
    has_star = False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not has_star:
            texts.append("*")
        has_star |= parameter.kind in {
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.KEYWORD_ONLY,
        }
        default = "" if parameter.default is parameter.empty else "=..."
        bare = parameter.replace(annotation=parameter.empty, default=parameter.empty)
        texts.append(f"{bare}{default}")
    return f"({', '.join(texts)})"


def class_trees(owner: Any) -> Iterator[ast.ClassDef]:
    """Yield the Python source of a class and of its bases; nothing for a module."""
    for base in getattr(owner, "__mro__", ()):
        try:
            [tree] = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError):
            continue
        if isinstance(tree, ast.ClassDef):
            yield tree


@cache
def attribute_types(owner: Any) -> dict[str, str]:
    """Return the instance attributes of a class, with their types as far as known."""
    types: dict[str, str] = {}
    for tree in class_trees(owner):
        annotated = {
            argument.arg: ast.unparse(argument.annotation)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == "__init__"
            for argument in [*node.args.args, *node.args.kwonlyargs]
            if argument.annotation
        }
        for node in ast.walk(tree):
            match node:
                case ast.AnnAssign(
                    target=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)
                ):
                    types.setdefault(name, ast.unparse(node.annotation))
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value
                ):
                    types.setdefault(name, assigned_type(value, annotated))
    return types


def assigned_type(value: ast.expr, annotated: Mapping[str, str]) -> str:
    """Return the type of an assigned value, or what it is a copy of; else "attribute"."""
    match value:
        case ast.Constant(value=constant) if constant is not None:
            return type(constant).__name__
        case ast.Name(id=name) if name in annotated:
            return annotated[name]
        case ast.Call(func=function):
            return ast.unparse(function)
        case ast.Attribute():
            return f"= {ast.unparse(value)}"
        case _:
            return "attribute"


def describe(owner: Any, name: str) -> str:
    """Return what a name is in the installed library, in the words of the table."""
    if name == "__init__":
        return signature(owner.__init__)
    try:
        value = inspect.getattr_static(owner, name)
    except AttributeError:
        value = None
    if value is None or isinstance(value, MemberDescriptorType):
        return attribute_types(owner).get(name, "missing" if value is None else "attribute")
    if isinstance(value, (staticmethod, classmethod)):
        return f"{type(value).__name__} {signature(value.__func__)}"
    if isinstance(value, GenericAlias):
        return "type alias"
    if inspect.isclass(value):
        return "class"
    return signature(value) if callable(value) else type(value).__name__


def is_of_library(name: str) -> bool:
    """Return whether a dotted name belongs to one of the libraries."""
    return name.partition(".")[0] in LIBRARIES


def module_name(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
    if path.stem.isidentifier() and path.stem != "__main__"
}


def undocumented_imports(tree: ast.AST) -> Iterator[str]:
    """Yield each name that is imported from an undocumented module of a library."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        module = node.module
        if (
            is_of_library(module)
            and module not in {*LIBRARIES, *DOCUMENTED}
            and not module.startswith("starlette.")
        ):
            yield from (alias.name for alias in node.names)


def private_accesses(tree: ast.AST) -> Iterator[str]:
    """Yield each private attribute of another object, and each private keyword argument.

    Names that the same module defines are its own.
    """
    own = set(defined_names(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=str(name)) | ast.keyword(arg=str(name)):
                if (
                    name.startswith("_")
                    and not name.startswith("__")
                    and name not in own
                    and name not in STANDARD
                ):
                    yield name


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are defined or assigned in a tree, also through ``self``."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def inherited_uses(module: Any, tree: ast.AST) -> Iterator[str]:
    """Yield each name of a library's class that a subclass in this module overrides or reads."""
    for node in ast.walk(tree):
        own_class = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
        # To declare a model is the documented use of Tortoise.
        if own_class is None or issubclass(own_class, Model):
            continue
        bases = [base for base in own_class.__mro__ if is_of_library(base.__module__)]
        names = set(defined_names(node))
        names |= {
            inner.attr
            for inner in ast.walk(node)
            if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) in {"self", "super()"}
        }
        for name in names:
            is_hook = Visitor in bases and name.startswith(("enter_", "leave_"))
            if (
                not hasattr(object, name)
                and any(describe(base, name) != "missing" for base in bases)
                and not (is_hook and hasattr(own_class, name) and name != "enter_leave_map")
            ):
                yield name


def used_names(module: str) -> set[str]:
    """Return the internal names that a module of the product uses."""
    tree = ast.parse(MODULES[module].read_bytes())
    found = {*undocumented_imports(tree), *private_accesses(tree)}
    if any(isinstance(node, ast.ClassDef) and node.bases for node in ast.walk(tree)):
        found |= set(inherited_uses(importlib.import_module(module), tree))
    return found


ROWS = [(use, name) for use in USES for name in use.names]


@pytest.mark.parametrize(("use", "name"), ROWS, ids=[f"{use.owner}.{name}" for use, name in ROWS])
def test_the_library_has_the_name_as_the_table_says(use: Use, name: str) -> None:
    assert describe(resolve(use.owner), name) == use.names[name], use.reason


@pytest.mark.parametrize("module", MODULES)
def test_each_internal_name_that_a_module_uses_is_in_the_table(module: str) -> None:
    listed = {name for use in USES if module in use.modules for name in use.covered}
    assert used_names(module) - listed == set()


@pytest.mark.parametrize(("use", "name"), ROWS, ids=[f"{use.owner}.{name}" for use, name in ROWS])
def test_each_name_of_the_table_is_still_used(use: Use, name: str) -> None:
    sources = [MODULES[module].read_text(encoding="utf-8") for module in use.modules]
    if name in {"__init__", "__new__"}:
        # A class is constructed or inherited from by its own name.
        name = use.owner.rpartition(":")[2]
    assert any(re.search(rf"\b{name}\b", source) for source in sources)


def test_an_internal_name_is_found() -> None:
    source = (
        "from uvicorn.config import STARTUP_FAILURE\n"
        "from starlette.requests import Request\n"
        "def f(schema, start):\n"
        "    start(_fast=True)\n"
        "    return schema._schema, schema._replace()\n"
    )
    tree = ast.parse(source)
    assert list(undocumented_imports(tree)) == ["STARTUP_FAILURE"]
    assert set(private_accesses(tree)) == {"_fast", "_schema"}
    assert "data_received" in used_names("app.server.http_connection")
