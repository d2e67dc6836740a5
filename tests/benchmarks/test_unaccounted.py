import sys
from pathlib import Path

from tests.app.service import running
from tests.docs.markdown import ROOT


def test_the_server_without_accounting_answers(tmp_path: Path, empty_database_url: str) -> None:
    """It starts only if everything that it switches off exists."""
    program = (sys.executable, "-m", "tests.benchmarks.unaccounted")
    given = {"DATABASE_URL": empty_database_url, "PYTHONPATH": str(ROOT)}
    with running(cwd=tmp_path, program=program, **given) as service:
        answer = service.graphql("{ tickets(first: 1) { totalCount nodes { id } } }")
    assert answer == {"data": {"tickets": {"totalCount": 0, "nodes": []}}}
