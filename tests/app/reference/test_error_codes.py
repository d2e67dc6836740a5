"""The tables of error codes are complete: compared with the string literals of the sources."""

import ast
import re
from collections.abc import Iterator
from http import HTTPMethod
from pathlib import Path

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.http.error_codes import GRAPHQL_CODES, HTTP_CODES, USER_ERROR_ACTIONS
from app.rest.problems import HTTP_STATUS
from resolvers.errors import ErrorCode

APP = Path(__file__).parents[3] / "app"
# Packages that respond with error codes.
PACKAGES = ("graphql", "http", "middleware", "rest", "server")
# Modules that describe the codes, and do not respond with them.
DESCRIPTIONS = {
    APP / "http" / "error_codes.py",
    APP / "rest" / "routes.py",
    *(APP / "rest" / "openapi").glob("*.py"),
}
# Upper-case literals that are not error codes of a response. CLIENT_GONE is only logged.
OTHER_WORDS = {*HTTPMethod, "WEBSOCKET", "BOM", "CLIENT_GONE", "TRANSACTION"}
DOCUMENTED = {entry.code for entry in (*GRAPHQL_CODES, *HTTP_CODES)}
# Log events name the setting of a limit.
SETTINGS = {setting.name for setting in declared_settings(Settings)}
USER_ERRORS = {code.name for code in ErrorCode}


def literals() -> Iterator[str]:
    """Yield the upper-case string literals of the packages."""
    for package in PACKAGES:
        for path in (APP / package).rglob("*.py"):
            if path in DESCRIPTIONS:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def exported_names() -> set[str]:
    """Return the constants that modules export, which are literals in `__all__`."""
    found = set()
    for package in PACKAGES:
        for path in (APP / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    found.update(ast.literal_eval(node.value))
    return found


def test_every_code_of_the_sources_is_documented_and_no_other() -> None:
    words = {text for text in literals() if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text)}
    codes = words - OTHER_WORDS - SETTINGS - exported_names() - USER_ERRORS
    # Starlette's own errors, such as 404, use the name of the status.
    assert codes | {"NOT_FOUND"} == DOCUMENTED


def test_every_user_error_has_a_status_and_an_action() -> None:
    assert set(HTTP_STATUS) == set(USER_ERROR_ACTIONS) == set(ErrorCode)


def test_the_statuses_of_problems_are_documented() -> None:
    documented: dict[str, set[int]] = {}
    for entry in (*GRAPHQL_CODES, *HTTP_CODES):
        documented.setdefault(entry.code, set()).update(entry.statuses)
    undocumented = {
        (status, code)
        for status, code in problem_calls()
        if code not in USER_ERRORS and status not in documented[code]
    }
    assert undocumented == set()


def problem_calls() -> Iterator[tuple[int, str]]:
    """Yield the status and the code of each `HttpProblem(...)` that has literals for both."""
    for package in PACKAGES:
        for path in (APP / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Name(id="HttpProblem"),
                        args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_],
                    ):
                        yield status, code
