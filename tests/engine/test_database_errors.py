"""Tests of the classification of database errors."""

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from engine.database.errors import (
    is_unavailable,
    sqlstate,
    violated_constraint,
)
from engine.database.queries import default_client
from tests.engine.pools import create_ticket


@pytest.mark.usefixtures("database")
async def test_errors_wrapped_by_the_orm_are_classified() -> None:
    await create_ticket()
    with pytest.raises(IntegrityError) as taken:
        await create_ticket()
    assert sqlstate(taken.value) == "23505"
    assert violated_constraint(taken.value) == "tickets_pkey"
    with pytest.raises(OperationalError) as wrong:
        await default_client().execute_query("SELECT nothing FROM nowhere")
    assert sqlstate(wrong.value) == "42P01"
    assert violated_constraint(wrong.value) is None
    assert not is_unavailable(taken.value)
    assert not is_unavailable(wrong.value)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionRefusedError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (asyncpg.AdminShutdownError(), True),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.InterfaceError("closed"), True),
        (asyncpg.QueryCanceledError(), False),
        (asyncpg.UniqueViolationError(), False),
        (asyncpg.UndefinedTableError(), False),
        # Not raised by connecting, which would be DatabaseUnavailable, but by a file or a client.
        (FileNotFoundError(), False),
        (ValueError(), False),
        (None, False),
    ],
)
def test_an_unavailable_database_is_recognized_by_the_error(
    error: Exception | None,
    away: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert is_unavailable(error) is away
