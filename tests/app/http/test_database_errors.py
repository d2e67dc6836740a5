"""What a client receives for each error of PostgreSQL: docs/reference/database-errors.md."""

import logging
import re
from pathlib import Path

import asyncpg
import pytest
from starlette.types import Receive, Scope, Send
from tortoise.exceptions import OperationalError

from app.http.failure import report_failure
from engine.database.errors import convert_connection_errors, is_transient
from engine.database.outages import Outage
from tests.app.middleware.test_exceptions import ask

pytestmark = pytest.mark.usefixtures("outage")

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "database-errors.md"
ROW = re.compile(r"\| (\w{2,5}) \| [^|]+ \| (\d{3}) \| `(\w+)` \| (yes|no) \|")
# The status and the code for each prefix of the page.
TABLE = {
    prefix: (int(status), code, again)
    for prefix, status, code, again in ROW.findall(PAGE.read_text(encoding="utf-8"))
}
# By SQLSTATE, the exceptions for all errors that PostgreSQL names in appendix A.
ERRORS = {
    error.sqlstate: error
    for error in vars(asyncpg.exceptions).values()
    if isinstance(error, type)
    and issubclass(error, asyncpg.PostgresError)
    and isinstance(getattr(error, "sqlstate", None), str)
    and error is not asyncpg.InvalidCachedStatementError
}


def listed(sqlstate: str) -> tuple[int, str, str]:
    """Return the row of the page with the longest prefix."""
    return next(TABLE[sqlstate[:length]] for length in (5, 2) if sqlstate[:length] in TABLE)


def test_the_page_lists_every_class_and_nothing_else() -> None:
    assert len(ERRORS) > 200
    assert {sqlstate[:2] for sqlstate in ERRORS} == {prefix[:2] for prefix in TABLE}
    assert {prefix for prefix in TABLE if len(prefix) == 5} <= set(ERRORS)


@pytest.mark.parametrize("sqlstate", sorted(TABLE))
async def test_the_response_is_that_of_the_page(sqlstate: str) -> None:
    for state, error in ERRORS.items():
        if not state.startswith(sqlstate) or (listed(state) != TABLE[sqlstate]):
            continue

        async def app(
            _scope: Scope,
            _receive: Receive,
            _send: Send,
            error: type[asyncpg.PostgresError] = error,
        ) -> None:
            raise OperationalError("wrapped") from error("secret")

        response = await ask(app)
        status, code, again = listed(state)
        assert (response.status_code, response.json()["code"]) == (status, code), state
        assert "secret" not in response.text
        assert ("Retry-After" in response.headers) == (status == 503)
        assert (again == "yes") == (status in {503, 504})


def test_every_error_of_a_connection_that_is_opened_is_503() -> None:
    for error in ERRORS.values():
        with pytest.raises(Exception, match="refused") as refused, convert_connection_errors():
            raise error("refused")
        failure = report_failure(refused.value, request_id="r")
        assert failure.code == "SERVICE_UNAVAILABLE"
        assert is_transient(refused.value)


def test_a_statement_prepared_before_a_migration_is_503() -> None:
    error = asyncpg.InvalidCachedStatementError("cached plan must not change result type")
    assert report_failure(error, request_id="r").code == "SERVICE_UNAVAILABLE"


def test_an_outage_is_logged_once_for_each_reason_and_at_its_end(
    outage: Outage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            report_failure(asyncpg.DiskFullError("x"), request_id="r")
            report_failure(asyncpg.AdminShutdownError("x"), request_id="r")
            outage.succeed()
        assert outage.is_open
        monkeypatch.setattr("engine.database.outages.SETTLE_S", 0)
        outage.succeed()
    assert not outage.is_open
    lines = [(record.message, record.__dict__["fields"]) for record in caplog.records]
    assert [(message, fields.get("sqlstate")) for message, fields in lines] == [
        ("database unavailable", "53100"),
        ("database unavailable", "57P01"),
        ("database available again", None),
    ]
    assert lines[-1][1]["failures"] == 100
