"""Every shape of a former database is adopted completely or refused with nothing changed.

Each shape has a database of its own, which is a copy of one with the tables.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import orjson
import pytest

from app.database.migrations import MigrationRefused, migrate, schema_version
from app.database.programs import find_programs
from models.migrations.legacy.tables import ADDED, COLUMNS, CREATED
from models.ticket import NEW_TICKET
from resolvers.tickets.statements import CREATE, DELETE, update_statement
from tests.models.former import Former
from tests.models.shapes import ADOPTED, REFUSED, Adopted, Refused
from tests.models.test_adoption import texts

ROOT = Path(__file__).parents[2]
UseApi: TypeAlias = Callable[[str], Awaitable[list[str]]]
# A key that pg_dump creates for each of its outputs.
_KEY = re.compile(rb"^\\(un)?restrict .*$", re.MULTILINE)


@pytest.fixture(scope="session")
async def use_api() -> AsyncIterator[UseApi]:
    """Return a function that uses the whole API on a database, and returns what failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.models.adopted_api",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def use(url: str) -> list[str]:
        stdin.write(url.encode() + b"\n")
        await stdin.drain()
        failures: list[str] = orjson.loads(await stdout.readline())
        return failures

    yield use
    stdin.close()
    await process.wait()


async def _run(url: str, sql: str) -> None:
    if not sql:
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@asynccontextmanager
async def _copy(template: str) -> AsyncIterator[str]:
    """Create a database from a template, which is faster than to create its tables."""
    server = os.environ["TEST_DATABASE_URL"]
    name = f"t_{uuid4().hex}"
    await _run(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        await _run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def templates() -> AsyncIterator[Callable[[Former], Awaitable[str]]]:
    """Return a function that returns the name of a database with a variant of the tables."""
    names: dict[Former, str] = {}
    server = os.environ["TEST_DATABASE_URL"]

    async def template(former: Former) -> str:
        if former not in names:
            name = f"t_{uuid4().hex}"
            await _run(server, f"CREATE DATABASE {name}")
            names[former] = name
            connection = await asyncpg.connect(urlsplit(server)._replace(path=f"/{name}").geturl())
            await former.make(connection)
            await connection.close()
        return names[former]

    yield template
    for name in names.values():
        await _run(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _dump(url: str) -> bytes:
    """Return schema and rows of a database as pg_dump writes them."""
    process = await asyncio.create_subprocess_exec(
        str(find_programs() / "pg_dump"), url, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return _KEY.sub(b"", out)


async def _use_statements(connection: asyncpg.Connection) -> None:
    """Run the statements that write a ticket and its log, and undo them."""
    transaction = connection.transaction()
    await transaction.start()
    given = {"subject": "s", "description": "d", "customer_name": "n", "customer_email": "e"}
    values = [given.get(name, default) for name, default in NEW_TICKET.items()]
    event = ["event-1", None, "request", "[]"]
    assert len(await connection.fetch(CREATE, "new", *values, *event)) == 1
    update = update_statement(("status",), is_patch=False)
    [row] = await connection.fetch(update, "new", 1, "event-2", None, "request", "resolved")
    assert row[2] == "new"
    log = "INSERT INTO log_entries (id, ticket_id, action, status) VALUES ('new', 'new', $1, $2)"
    assert await connection.execute(log, "send", "success") == "INSERT 0 1"
    assert len(await connection.fetch(DELETE, "new", "event-3", None, "request", "[]")) == 1
    await transaction.rollback()


async def _rows(url: str) -> dict[str, list[tuple[str | None, ...]]]:
    connection = await asyncpg.connect(url)
    existing = [
        table
        for table in COLUMNS
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table)
    ]
    await connection.close()
    return {table: await texts(url, table) for table in existing}


async def _skip_if_older(url: str, min_version: int) -> None:
    connection = await asyncpg.connect(url)
    version = connection.get_server_version().major
    await connection.close()
    if version < min_version:
        pytest.skip(f"needs PostgreSQL {min_version}")


@pytest.mark.parametrize("shape", ADOPTED.values(), ids=ADOPTED)
async def test_a_shape_is_adopted_with_every_row_and_the_api_works(
    shape: Adopted, templates: Callable[[Former], Awaitable[str]], use_api: UseApi
) -> None:
    async with _copy(await templates(shape.former)) as url:
        names = {"database": _database(url)}
        await _skip_if_older(url, shape.min_version)
        await _run(url, shape.sql.replace("%(database)s", names["database"]))
        before = await _rows(url)
        changes: list[str] = []

        report = await migrate(url, report_change=changes.append)

        assert report.adopted is not None
        after = await _rows(url)
        assert {table: after[table] for table in before} == before
        reported = "\n".join(changes)
        for change in shape.changes:
            assert change.replace("%(database)s", names["database"]) in reported
        connection = await asyncpg.connect(url)
        assert await connection.fetchval(f"SELECT {shape.check}")
        await _use_statements(connection)
        await connection.close()
        if shape.uses_api:
            assert await use_api(url) == []


@pytest.mark.parametrize("shape", REFUSED.values(), ids=REFUSED)
async def test_a_shape_is_refused_and_nothing_is_changed(
    shape: Refused, templates: Callable[[Former], Awaitable[str]]
) -> None:
    async with _copy(await templates(shape.former)) as url:
        await _skip_if_older(url, shape.min_version)
        await _run(url, shape.sql.replace("%(database)s", _database(url)))
        before = await _dump(url)

        with pytest.raises(MigrationRefused) as refusal:
            await migrate(url, report_change=lambda _: None)

        message = str(refusal.value)
        for line in shape.lines:
            assert line.replace("%(database)s", _database(url)) in message
        assert refusal.value.hint
        assert await _dump(url) == before


def test_there_are_enough_shapes() -> None:
    assert len(ADOPTED) + len(REFUSED) >= 60


async def test_the_names_of_new_objects_are_those_of_a_migrated_database(
    database_url: str,
) -> None:
    """The adoption looks for other objects with these names; extend `tables` with a migration."""
    connection = await asyncpg.connect(database_url)
    relations = await connection.fetch(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'S')
        """
    )
    own = {*COLUMNS, "aerich", "aerich_id_seq", "aerich_pkey"}
    assert {row["relname"] for row in relations} - own == set(CREATED)
    for table in COLUMNS:
        columns = await connection.fetch(
            """
            SELECT attname FROM pg_attribute
            WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
            """,
            table,
        )
        assert {row["attname"] for row in columns} - COLUMNS[table].keys() == set(ADDED[table])
    assert await schema_version(connection)
    await connection.close()
