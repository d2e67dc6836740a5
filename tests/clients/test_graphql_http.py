"""All audits of GraphQL over HTTP, as npm's graphql-http has them."""

import json
from collections.abc import Callable
from typing import Any

from tests.app.http.serving import Served
from tests.clients.conftest import NewProject

AUDITS = 61


def audit(project: NewProject, served: Served, token: str = "") -> str:
    environ = {"URL": f"{served.url}/graphql", "TOKEN": token}
    results: list[dict[str, Any]] = json.loads(
        project("graphql-http").run("node", "audits.js", **environ)
    )
    passed = sum(result["status"] == "ok" for result in results)
    assert [result for result in results if result["status"] != "ok"] == []
    assert passed == AUDITS
    return f"{passed} of {len(results)} audits passed"


def test_every_audit_passes(
    project: NewProject, open_server: Served, record_property: Callable[[str, str], None]
) -> None:
    record_property("figure", f"GraphQL over HTTP: {audit(project, open_server)}")


def test_every_audit_passes_for_a_caller_with_a_token(
    project: NewProject,
    closed_server: Served,
    token: str,
    record_property: Callable[[str, str], None],
) -> None:
    passed = audit(project, closed_server, token)
    record_property("figure", f"GraphQL over HTTP, with a token: {passed}")
