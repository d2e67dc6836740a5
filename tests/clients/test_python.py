"""The generator of Python clients, on the printed schema."""

import json

from tests.app.http.serving import Served
from tests.clients.project import Project
from tests.clients.test_typescript import WHAT_IS_SAID


def test_ariadne_makes_a_client_that_is_strict_and_talks_with_the_server(
    ariadne: Project, closed_server: Served, token: str
) -> None:
    ariadne.run("ariadne-codegen")
    ariadne.run("mypy", "ticketops_client", "conversation.py")
    environ = {"URL": f"{closed_server.url}/graphql", "TOKEN": token}
    assert json.loads(ariadne.run("python", "conversation.py", **environ)) == WHAT_IS_SAID
