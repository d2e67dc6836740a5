"""Tests of the pool, transactions and error classification: no connection may ever be lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import asyncpg
import pytest
from tortoise import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.transactions import in_transaction

from app.database.embedded import VOLATILE, EmbeddedPostgres
from engine.database.client import Client
from engine.database.errors import (
    DatabaseUnavailable,
    is_unavailable,
    sqlstate,
    violated_constraint,
)
from engine.database.pool import Pool, open_pools
from engine.database.queries import default_client, fetch
from engine.database.timeouts import Timeouts
from models import Ticket
from tests.app.conftest import new_data_dir
from tests.feed.readers import connected
from tests.postgres_crash import frozen


async def write(connection: BaseDBAsyncClient | None = None) -> None:
    """Write a ticket."""
    await Ticket.create(
        id="a",
        subject="S",
        description="D",
        customer_name="N",
        customer_email="n@example.com",
        using_db=connection,
    )


@pytest.fixture
async def pool(database: None) -> Pool:  # noqa: ARG001  # creates the database
    """Return the pool of this process, open."""
    await fetch("SELECT 1", [])
    return open_pools[-1]


@contextmanager
def only_pools(*pools: Pool) -> Iterator[None]:
    """Have these open pools and no others."""
    others = open_pools[:]
    open_pools[:] = pools
    try:
        yield
    finally:
        open_pools[:] = others


@pytest.fixture
def no_open_pool() -> Iterator[None]:
    """Have no open pool."""
    with only_pools():
        yield


@pytest.mark.usefixtures("database")
async def test_a_transaction_is_all_or_nothing() -> None:
    async def fail() -> None:
        async with in_transaction() as connection:
            await write(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await Ticket.all().count() == 0


async def test_a_transaction_whose_begin_fails_returns_its_connection(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        # As if the database did not respond.
        patched.setattr(asyncpg.transaction.Transaction, "start", never)
        for _ in range(pool.max_size + 1):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), in_transaction():
                    pytest.fail("the transaction has begun")
    await _all_returned(pool)
    assert await Ticket.all().count() == 0


async def test_a_cancelled_statement_returns_its_connection(pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await fetch("SELECT pg_sleep(60)", [])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), in_transaction() as connection:
                await connection.execute_query("SELECT pg_sleep(60)")
    await _all_returned(pool)


async def _run_in_transaction(statement: str) -> None:
    async with in_transaction() as connection:
        await connection.execute_query(statement)


@pytest.mark.parametrize(
    "run",
    [
        lambda statement: fetch(statement, []),
        lambda statement: default_client().execute_query(statement),
        _run_in_transaction,
    ],
    ids=["engine", "orm", "transaction"],
)
async def test_a_cancelled_statement_leaves_its_connection_idle(
    pool: Pool, run: Callable[[str], Awaitable[object]]
) -> None:
    """A statement that is prepared and never executed would keep its locks and its timeout."""
    for steps in range(0, 60, 2):
        running = asyncio.ensure_future(run(f"SELECT {steps}, * FROM tickets"))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert await _states(pool) == {"idle"}


async def test_a_statement_with_invalid_values_leaves_its_connection_idle(
    pool: Pool,
) -> None:
    with pytest.raises(asyncpg.DataError):
        await fetch("SELECT $1::int4", [2**40])
    assert await _states(pool) == {"idle"}


async def _all_returned(pool: Pool) -> None:
    """Wait until all connections have been returned to the pool."""
    async with asyncio.timeout(20):
        while pool.available < pool.max_size:  # noqa: ASYNC110  # they are released in the background
            await asyncio.sleep(0.001)


async def _states(pool: Pool) -> set[str]:
    """Return the states of the connections in PostgreSQL, after all have been returned."""
    await _all_returned(pool)
    observer = await asyncpg.connect(default_client().dsn)  # type: ignore[attr-defined]  # our client has it
    try:
        rows = await observer.fetch("""
            SELECT state
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
    finally:
        await observer.close()
    return {row["state"] for row in rows}


@pytest.mark.usefixtures("pool")
async def test_postgresql_ends_a_statement_soon_after_the_request_timeout() -> None:
    """This also works after a crash of this process."""
    [[limit]] = await fetch("SHOW statement_timeout", [])
    assert limit == "11s"


@pytest.mark.usefixtures("pool")
async def test_jit_compilation_is_off() -> None:
    [[setting]] = await fetch("SHOW jit", [])
    assert setting == "off"


async def test_a_cancelled_transaction_is_rolled_back(pool: Pool) -> None:
    async def hang() -> None:
        async with asyncio.timeout(0.05), in_transaction() as connection:
            await write(connection)
            await connection.execute_query("SELECT pg_sleep(60)")

    with pytest.raises(TimeoutError):
        await hang()
    for _ in range(pool.max_size):
        [row] = await fetch("SELECT count(*), txid_current_if_assigned() FROM tickets", [])
        assert tuple(row) == (0, None)


async def test_a_caller_that_waits_too_long_gets_database_unavailable(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    monkeypatch.setattr(pool, "_timeouts", Timeouts(0.01))
    try:
        with pytest.raises(DatabaseUnavailable) as fault:
            await fetch("SELECT 1", [])
        assert is_unavailable(fault.value)
        with pytest.raises(DatabaseUnavailable):
            await Ticket.all().count()
        with pytest.raises(DatabaseUnavailable):
            async with in_transaction():
                pytest.fail("the transaction has begun")
    finally:
        for connection in taken:
            pool.return_clean(connection)
    assert await Ticket.all().count() == 0


async def test_a_waiting_caller_gets_the_next_returned_connection(pool: Pool) -> None:
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    waiting = [asyncio.create_task(fetch("SELECT 1", [])) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    pool.return_clean(taken.pop())
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    # Also a connection that asyncpg must reset first.
    await pool.release(taken.pop())
    await asyncio.gather(*waiting)
    for connection in taken:
        pool.return_clean(connection)
    assert pool.available == pool.max_size


async def test_a_caller_that_gives_up_waiting_loses_no_connection(pool: Pool) -> None:
    """Whether it gives up before, after or at the same time as it receives one."""
    taken = [await pool.acquire() for _ in range(pool.max_size)]
    for give_back in (pool.return_clean, lambda one: asyncio.ensure_future(pool.release(one))):
        for steps in range(4):
            waiting = asyncio.create_task(pool.acquire())
            await asyncio.sleep(0)
            give_back(taken.pop())
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                taken.append(await waiting)
            async with asyncio.timeout(5):
                while len(taken) < pool.max_size:
                    taken.append(await pool.acquire())
    for connection in taken:
        pool.return_clean(connection)
    assert pool.available == pool.max_size


async def test_idle_connections_are_closed(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.database.pool.IDLE_S", 0.05)
    await asyncio.gather(*(fetch("SELECT pg_sleep(0.05)", []) for _ in range(pool.max_size)))
    async with asyncio.timeout(5):
        # One of them is used all the time, and stays open.
        while len(pool._idle) > 1:
            await fetch("SELECT 1", [])
            await asyncio.sleep(0.01)
        while pool._idle or pool.available < pool.max_size:  # noqa: ASYNC110  # a timer closes it
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("database")
async def test_a_failed_reset_does_not_hide_the_cancellation() -> None:
    async def fail(_: object) -> None:
        raise ConnectionResetError

    inner = await asyncpg.create_pool(default_client().dsn, min_size=1, max_size=1, reset=fail)  # type: ignore[attr-defined]  # our client has it
    broken = Pool(inner)
    with only_pools(broken):
        running = asyncio.create_task(fetch("SELECT pg_sleep(60)", []))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(asyncpg.DataError):
            await fetch("SELECT $1::int4", [2**40])
    await _all_returned(broken)
    await broken.close()


async def _run_in_transaction_of(client: Client, statement: str) -> None:
    async with client._in_transaction() as connection:
        await connection.execute_query(statement)


@pytest.mark.parametrize(
    "run",
    [
        lambda _, statement: fetch(statement, []),
        lambda client, statement: client.execute_query(statement),
        _run_in_transaction_of,
    ],
    ids=["engine", "orm", "transaction"],
)
@pytest.mark.usefixtures("database", "no_open_pool")
async def test_a_cancelled_caller_does_not_wait_for_an_unresponsive_database(
    run: Callable[[Client, str], Awaitable[object]],
) -> None:
    """The caller is cancelled before PostgreSQL confirms the end of the statement."""
    with own_postgres() as postgres:
        client = Client(postgres.url, connection_name="frozen")
        await client.execute_query("SELECT 1")
        [pool] = open_pools
        running = asyncio.ensure_future(run(client, "SELECT pg_sleep(60)"))
        async with asyncio.timeout(10), connected(postgres.url) as observer:
            while not await observer.fetch(  # noqa: ASYNC110  # only visible from outside
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            ):
                await asyncio.sleep(0.01)
        with frozen(postgres):
            running.cancel()
            await asyncio.wait([running], timeout=20)
            assert running.cancelled()
            assert pool.available < pool.max_size
        await _all_returned(pool)
        await client.execute_query("SELECT 1")
        await client.close()


@contextmanager
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with new_data_dir() as folder:
        postgres = EmbeddedPostgres(folder, options=VOLATILE)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


@pytest.mark.usefixtures("database")
async def test_closing_waits_only_for_connections_in_use() -> None:
    inner = await asyncpg.create_pool(default_client().dsn, min_size=1, max_size=3)  # type: ignore[attr-defined]  # our client has it
    closed = Pool(inner)
    first, second, third = [await closed.acquire() for _ in range(3)]
    closed.return_clean(first)
    closing = asyncio.create_task(closed.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    closed.return_clean(second)
    await closed.release(third)
    async with asyncio.timeout(0.5):
        await closing


@pytest.mark.usefixtures("database", "no_open_pool")
async def test_a_closing_pool_reports_the_database_as_unavailable() -> None:
    dsn = default_client().dsn  # type: ignore[attr-defined]  # our client has it
    client = Client(dsn, connection_name="closing", minsize=1, maxsize=2)
    async with client.acquire_connection():
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0.05)
        with pytest.raises(asyncpg.InterfaceError) as fault:
            await fetch("SELECT 1", [])
        assert is_unavailable(fault.value)
    await closing
    assert not open_pools


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://nobody@/nothing?host=/nowhere", "postgresql://nobody@nothing.invalid/nothing"],
    ids=["no-socket", "no-host"],
)
@pytest.mark.usefixtures("no_open_pool")
async def test_a_database_that_cannot_be_reached_is_unavailable(dsn: str) -> None:
    """Both when the pool is opened and when it opens another connection."""
    client = Client(dsn, connection_name="away")
    with pytest.raises(DatabaseUnavailable):
        await client.execute_query("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        async with client._in_transaction():
            pytest.fail("the transaction has begun")
    opened = Pool(await asyncpg.create_pool(dsn, min_size=0, max_size=1))
    for _ in range(opened.max_size + 1):
        with pytest.raises(DatabaseUnavailable):
            await opened.acquire()
    await opened.close()


async def test_a_connection_closed_by_the_server_is_replaced(pool: Pool) -> None:
    [row] = await fetch("SELECT pg_backend_pid() AS pid", [])
    administrator = await asyncpg.connect(default_client().dsn)  # type: ignore[attr-defined]  # our client has it
    try:
        statement = """
            SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid = $1
        """
        await administrator.fetch(statement, row["pid"])
    finally:
        await administrator.close()
    faults = []
    while True:
        try:
            await fetch("SELECT 1", [])
            break
        except Exception as error:  # noqa: BLE001  # whatever it is
            faults.append(error)
    assert all(map(is_unavailable, faults)), faults
    assert len(faults) <= 1
    await _all_returned(pool)


@pytest.mark.usefixtures("database")
async def test_errors_wrapped_by_the_orm_are_classified() -> None:
    await write()
    with pytest.raises(IntegrityError) as taken:
        await write()
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
