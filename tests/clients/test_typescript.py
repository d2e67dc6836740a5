"""The generators of TypeScript types, on the printed schema."""

import json

from tests.app.http.serving import Served, served
from tests.clients.conftest import NewProject

WHAT_IS_SAID = {
    "told": ["updated to 2", "conflict with 2", "no ticket none", "input.subject: REQUIRED"],
    "opsState": "DELIVERED",
    "log": ["SEND SUCCESS"],
}


def test_codegen_makes_a_client_that_is_strict_and_talks_with_the_server(
    project: NewProject, closed_server: Served, token: str, clients_database_url: str
) -> None:
    """Among what the compiler checks is that it refuses the mistakes of mistakes.ts."""
    client = project("codegen")
    client.run("graphql-codegen", "--config", "codegen.js")
    client.run("tsc")
    environ = {"URL": f"{closed_server.url}/graphql", "TOKEN": token}
    assert json.loads(client.run("node", "out/conversation.js", **environ)) == WHAT_IS_SAID
    # And once more by the hashes of its documents, to a server that knows no others.
    manifest = client.folder / "src" / "gql" / "persisted-documents.json"
    documents = {"PERSISTED_DOCUMENTS": str(manifest), "PERSISTED_DOCUMENTS_ONLY": "true"}
    log_file = client.folder / "server.log"
    with served(log_file, clients_database_url, **documents) as trusting:
        environ = {"URL": f"{trusting.url}/graphql", "TRUSTED": "true"}
        assert json.loads(client.run("node", "out/conversation.js", **environ)) == WHAT_IS_SAID


def test_gql_tada_infers_types_that_are_strict_and_talks_with_the_server(
    project: NewProject, closed_server: Served, token: str
) -> None:
    """Among what the compiler checks is that it refuses the mistakes of mistakes.ts."""
    client = project("tada")
    client.run("gql.tada", "generate-output")
    client.run("gql.tada", "check", "--fail-on-warn")
    client.run("tsc")
    environ = {"URL": f"{closed_server.url}/graphql", "TOKEN": token}
    assert json.loads(client.run("node", "out/conversation.js", **environ)) == WHAT_IS_SAID


def test_relay_makes_a_client_that_is_strict_and_talks_with_the_server(
    project: NewProject, clients_database_url: str
) -> None:
    """By the hashes of its documents; its store joins pages, and drops what has been deleted.

    Among what the compiler checks is that it refuses the mistakes of mistakes.ts. That a
    fragment on Ticket can be asked for again shows that Ticket is a Node.
    """
    client = project("relay")
    # It expects these two to be there.
    (client.folder / "src" / "__generated__").mkdir()
    manifest = client.folder / "documents.json"
    manifest.write_text("{}")
    client.run("relay-compiler", "relay.config.json")
    client.run("tsc")
    documents = {"PERSISTED_DOCUMENTS": str(manifest), "PERSISTED_DOCUMENTS_ONLY": "true"}
    with served(client.folder / "server.log", clients_database_url, **documents) as trusting:
        environ = {"URL": f"{trusting.url}/graphql"}
        said = json.loads(client.run("node", "out/conversation.js", **environ))
    board = {
        "paged": ["Printer on fire", "Lamp is dark"],
        "updated": ["Printer is out", "Lamp is dark"],
        "deleted": ["Printer is out"],
    }
    assert said == WHAT_IS_SAID | {"board": board}


def test_the_linter_of_schemas_finds_nothing(project: NewProject) -> None:
    """Its recommended rules and Relay's; the configuration gives the reason of each exception."""
    project("eslint").run("eslint", "--max-warnings=0", "schema.graphql")
