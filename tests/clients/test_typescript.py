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
    documents = {"DOCUMENTS": str(client.folder / "gql" / "persisted-documents.json")}
    log_file = client.folder / "server.log"
    with served(log_file, clients_database_url, DOCUMENTS_ONLY="true", **documents) as trusting:
        environ = {"URL": f"{trusting.url}/graphql", "TRUSTED": "true"}
        assert json.loads(client.run("node", "out/conversation.js", **environ)) == WHAT_IS_SAID


def test_gql_tada_infers_types_that_are_strict(project: NewProject) -> None:
    client = project("tada")
    client.run("gql.tada", "generate-output")
    client.run("gql.tada", "check", "--fail-on-warn")
    client.run("tsc")


def test_relay_compiles_pages_refetches_and_deletions(
    project: NewProject, clients_database_url: str
) -> None:
    client = project("relay")
    (client.folder / "artifacts").mkdir()
    (client.folder / "documents.json").write_text("{}")
    client.run("relay-compiler", "relay.config.json")
    made = {path.name for path in (client.folder / "artifacts").iterdir()}
    # That a fragment on Ticket can be asked for again shows that Ticket is a Node.
    assert {"boardCardQuery.graphql.ts", "boardPageQuery.graphql.ts"} <= made
    manifest = client.folder / "documents.json"
    ids = {
        text.split()[1].partition("(")[0]: name
        for name, text in json.loads(manifest.read_text()).items()
    }
    documents = {"DOCUMENTS": str(manifest), "DOCUMENTS_ONLY": "true"}
    with served(client.folder / "server.log", clients_database_url, **documents) as trusting:
        for name in ("boardQuery", "boardPageQuery"):
            answer = trusting.http.get("/graphql", params={"documentId": ids[name]}).json()
            assert "errors" not in answer
            assert "edges" in answer["data"]["tickets"]


def test_the_linter_of_schemas_finds_nothing(project: NewProject) -> None:
    """Its recommended rules and Relay's; the configuration gives the reason of each exception."""
    project("eslint").run("eslint", "--max-warnings=0", "schema.graphql")
