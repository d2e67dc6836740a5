"""schemathesis: valid and invalid requests generated from the schemas; responses are checked."""

import re
from collections.abc import Callable

from tests.app.http.serving import Served
from tests.clients.project import Project

# Valid requests can be rejected for reasons that a schema cannot express, such as an old version.
OPTIONS = (
    "--exclude-checks=positive_data_acceptance",
    "--max-examples=15",
    "--generation-deterministic",
    "--continue-on-failure",
    "--request-timeout=10",
    "--max-failures=20",
    "--no-color",
)
Record = Callable[[str, str], None]


def passed(said: str) -> int:
    """Return the number of cases; raise AssertionError unless all passed."""
    counts = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counts is not None, said
    assert counts[1] == counts[2], said
    return int(counts[1])


def test_every_operation_of_the_graphql_schema_holds(
    schemathesis: Project, open_server: Served, record_property: Record
) -> None:
    said = schemathesis.run("schemathesis", "run", f"{open_server.url}/graphql", *OPTIONS)
    cases = passed(said)
    assert re.search(r"Tested: 1[6-9]|Tested: [2-9]\d", said), said
    record_property("figure", f"schemathesis over GraphQL: {cases} cases, 0 failures")


def test_every_operation_of_rest_holds(
    schemathesis: Project, closed_server: Served, token: str, record_property: Record
) -> None:
    """Responses conform to the served OpenAPI document, also those to invalid requests."""
    said = schemathesis.run(
        "schemathesis",
        "run",
        f"{closed_server.url}/openapi.json",
        "--phases=coverage,fuzzing,stateful",
        f"--header=Authorization: Bearer {token}",
        *OPTIONS,
    )
    cases = passed(said)
    assert "Tested: 11" in said, said
    record_property("figure", f"schemathesis over REST: {cases} cases, 0 failures")
