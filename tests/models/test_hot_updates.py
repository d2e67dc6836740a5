"""Updates that write no index entry (heap-only tuples): no index has a column that they change.

Updates of tickets cannot be of this kind, because each changes ``updated_at``, by which tickets are
listed. Neither can claims and outcomes of deliveries, which are found by what they change.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.auth.tokens import _FIND
from app.database.migrations import migrate
from ops.delivery.status_check import _RECORD
from tests.conftest import empty_database

_DELIVERY = """
INSERT INTO ops_deliveries (id, ticket_id, payload, state, attempts, reference, remote_status)
VALUES ('d', 't', '{"subject": "Printer on fire"}', 'delivered', 1, 'R-1', 'received')
"""
_DIGEST = "0" * 64
_CREDENTIAL = f"""
INSERT INTO api_tokens (id, name, digest, scopes) VALUES ('t', 'ci', '{_DIGEST}', '["read"]')
"""
# Of the running transaction, so that nothing else is counted.
_COUNTS = """
SELECT
    pg_stat_get_xact_tuples_updated($1::text::regclass),
    pg_stat_get_xact_tuples_hot_updated($1::text::regclass)
"""


@pytest.fixture(scope="module")
async def unused_database_url() -> AsyncIterator[str]:
    """Create a database whose tables are empty, so that the page of a row has space."""
    async with empty_database() as url:
        await migrate(url)
        yield url


@pytest.mark.parametrize(
    ("table", "row", "statement", "values"),
    [
        (
            "ops_deliveries",
            _DELIVERY,
            _RECORD,
            ["e", "d", "completed", "success", "{}", 12, "carol", "request-1"],
        ),
        ("api_tokens", _CREDENTIAL, _FIND, [_DIGEST]),
    ],
    ids=["status check", "use of an API token"],
)
async def test_an_update_writes_no_index_entry(
    unused_database_url: str, table: str, row: str, statement: str, values: list[Any]
) -> None:
    connection = await asyncpg.connect(unused_database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(row)
    await connection.fetch(statement, *values)
    [counts] = await connection.fetch(_COUNTS, table)
    assert tuple(counts) == (1, 1)
    await transaction.rollback()
    await connection.close()
