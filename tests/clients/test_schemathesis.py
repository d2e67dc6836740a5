"""schemathesis: requests made of the schemas, valid and not, and what is answered checked."""

import re
from collections.abc import Callable

from tests.app.http.serving import Served
from tests.clients.project import Project

# What schemas cannot say is refused, too: a cursor of another list, a version that has passed.
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
    """Return how many cases were tried, all of which passed."""
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
    schemathesis: Project, open_server: Served, record_property: Record
) -> None:
    """As `openapi.json` describes it: statuses, media types and bodies, also for what is wrong."""
    where = ("openapi.json", f"--url={open_server.url}", "--phases=coverage,fuzzing,stateful")
    said = schemathesis.run("schemathesis", "run", *where, *OPTIONS)
    cases = passed(said)
    assert "Tested: 7" in said
    record_property("figure", f"schemathesis over REST: {cases} cases, 0 failures")
