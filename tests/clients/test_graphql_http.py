"""All audits of GraphQL over HTTP, as npm's graphql-http has them."""

import json
from typing import Any

from tests.app.http.serving import Served
from tests.clients.conftest import NewProject

AUDITS = 61


def audit(project: NewProject, served: Served, token: str = "") -> None:
    environ = {"URL": f"{served.url}/graphql", "TOKEN": token}
    results: list[dict[str, Any]] = json.loads(
        project("graphql-http").run("node", "audits.js", **environ)
    )
    passed = sum(result["status"] == "ok" for result in results)
    print(f"GraphQL over HTTP: {passed} of {len(results)} audits passed")  # noqa: T201  # the figure
    assert [result for result in results if result["status"] != "ok"] == []
    assert passed == AUDITS


def test_every_audit_passes(project: NewProject, open_server: Served) -> None:
    audit(project, open_server)


def test_every_audit_passes_for_a_caller_with_a_token(
    project: NewProject, closed_server: Served, token: str
) -> None:
    audit(project, closed_server, token)
