"""Statements that write run through `write` or in a transaction, whose commits are protected.

`fetch` cancels its statement when its caller leaves. While a commit waits for a synchronous
standby, that would make a change visible that a failover can lose.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LAYERS = ("engine", "models", "ops", "resolvers", "schema", "app")
# A lock of a row writes too.
WRITES = re.compile(
    r"\b(INSERT INTO|DELETE FROM|MERGE INTO|TRUNCATE|setval)\b"
    r"|\bFOR (NO KEY )?UPDATE\b|\bFOR (KEY )?SHARE\b"
    r"|\bUPDATE\s+\S+(\s+AS\s+\w+)?\s+SET\b"
)


def product_trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules of the product by their paths."""
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def is_writing(value: ast.AST, writing: set[str]) -> bool:
    """Return whether an expression has a text that writes, or a name of such a text."""
    return any(
        (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and WRITES.search(node.value)
        )
        or (isinstance(node, ast.Name) and node.id in writing)
        for node in ast.walk(value)
    )


def writing_names(modules: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return for each module the names of texts that write: its own, and the public ones of all."""
    writing: dict[str, set[str]] = {path: set() for path in modules}
    has_changed = True
    while has_changed:
        public = {name for names in writing.values() for name in names if name[0] != "_"}
        has_changed = False
        for path, tree in modules.items():
            known = writing[path] | public
            found = {
                target.id
                for node in tree.body
                if isinstance(node, ast.Assign) and is_writing(node.value, known)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            has_changed |= not (found | public) <= writing[path]
            writing[path] = known | found
    return writing


def unprotected_writes(modules: dict[str, ast.Module]) -> list[str]:
    """Return the places where `fetch` runs a statement that writes."""
    writing = writing_names(modules)
    return [
        f"{path}:{node.lineno}"
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "fetch"
        and any(is_writing(argument, writing[path]) for argument in node.args)
    ]


def test_no_statement_that_writes_is_run_as_a_read() -> None:
    modules = dict(product_trees())
    writing = writing_names(modules)
    assert {"_RELEASE", "_CLAIM_NEW", "_CLAIM_ABANDONED"} <= writing["ops/delivery/claims.py"]
    assert "_MAKE_DUE" in writing["ops/delivery/clock_changes.py"]
    assert "DELETE_EXPIRED_KEYS" in writing["app/key_expiry.py"]
    # The lookup of a token, whose commit waits for no standby.
    assert {place.partition(":")[0] for place in unprotected_writes(modules)} == {
        "app/auth/tokens.py"
    }
    assert "'synchronous_commit', 'local'" in (ROOT / "app/auth/tokens.py").read_text()


@pytest.mark.parametrize(
    "source",
    [
        "S = 'INSERT INTO tickets VALUES ($1)'\nfetch(S, [1])",
        "S = f'''\nUPDATE tickets\nSET id = {1}\n'''\nfetch(S.format(1), [])",
        "A = 'DELETE FROM tickets'\nB = f'WITH a AS ({A})'\nfetch(B, [])",
        "fetch('SELECT FROM tickets FOR UPDATE', [])",
    ],
)
def test_such_a_statement_is_found(source: str) -> None:
    assert unprotected_writes({"module": ast.parse(source)}) != []


def test_a_read_is_not_found() -> None:
    source = "S = 'SELECT updated_at FROM tickets'\nfetch(S, [])"
    assert unprotected_writes({"module": ast.parse(source)}) == []
