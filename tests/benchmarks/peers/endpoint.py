"""The peer without GraphQL: an endpoint an operation, written by hand for exactly its answer.

uvicorn, Starlette, asyncpg and orjson, and nothing in between: a record becomes a
dictionary, and that the bytes of the answer. A request is the operation's variables.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_COLUMNS = """
    id, subject, description, upper(status) AS status, upper(priority) AS priority, category,
    customer_name AS "customerName", customer_email AS "customerEmail", metadata,
    created_at AS "createdAt"
"""
_NEWEST_FIRST = "ORDER BY created_at DESC, id DESC"

_ONE = f"SELECT {_COLUMNS} FROM tickets WHERE id = $1"
_LIST = f"SELECT {_COLUMNS} FROM tickets {_NEWEST_FIRST} LIMIT $1"
_DEEP = f"""
    SELECT {_COLUMNS} FROM tickets WHERE (created_at, id) < ($2, $3) {_NEWEST_FIRST} LIMIT $1
"""
_PAGE = f"""
    SELECT
        id, subject, upper(status) AS status, upper(priority) AS priority,
        created_at AS "createdAt"
    FROM tickets
    WHERE status = $2 AND priority = $3
    {_NEWEST_FIRST}
    LIMIT $1
"""
# As this server does it: the newest first, and the index where there is no page among these.
_SEARCH = f"""
    WITH nearest AS MATERIALIZED (
        SELECT * FROM (SELECT * FROM tickets {_NEWEST_FIRST} LIMIT 2100) AS in_order
        WHERE search @@ (SELECT ticket_search_query($2))
        LIMIT $1
    ), last AS MATERIALIZED (
        SELECT created_at, id FROM tickets {_NEWEST_FIRST} LIMIT 1 OFFSET 2099
    ), others AS (
        SELECT * FROM tickets
        WHERE search @@ (SELECT ticket_search_query($2))
            AND (SELECT count(*) FROM nearest) < $1 AND EXISTS (SELECT FROM last)
        OFFSET 0
    )
    SELECT id, subject, upper(status) AS status, customer_name AS "customerName"
    FROM (
        SELECT * FROM nearest
        UNION ALL
        (
            SELECT * FROM others WHERE (created_at, id) < (SELECT * FROM last)
            {_NEWEST_FIRST} LIMIT $1
        )
    ) AS found
    {_NEWEST_FIRST}
    LIMIT $1
"""
_NESTED = f"SELECT id, subject, upper(status) AS status FROM tickets {_NEWEST_FIRST} LIMIT $1"
_LOG_ENTRIES = """
    SELECT parent.place, entry.*
    FROM unnest($1::text[]) WITH ORDINALITY AS parent (id, place)
    CROSS JOIN LATERAL (
        SELECT id, upper(action) AS action, upper(status) AS status, timestamp
        FROM log_entries
        WHERE ticket_id = parent.id
        ORDER BY timestamp DESC, id DESC
        LIMIT $2
    ) AS entry
    ORDER BY parent.place
"""
_CREATE = """
    WITH ticket AS (
        INSERT INTO tickets
            (id, subject, description, priority, category, customer_name, customer_email, metadata)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        RETURNING *
    ), event AS (
        INSERT INTO ticket_events (id, ticket_id, type, at, changes)
        SELECT $9, id, 'created', created_at, $10 FROM ticket
    )
    SELECT
        id, subject, upper(status) AS status, upper(priority) AS priority, version,
        created_at AS "createdAt"
    FROM ticket
"""
_UPDATE = """
    WITH old AS (
        SELECT id, subject FROM tickets WHERE id = $1 FOR UPDATE
    ), ticket AS (
        UPDATE tickets
        SET subject = $2, version = version + 1, updated_at = clock_timestamp()
        FROM old
        WHERE tickets.id = old.id
        RETURNING tickets.*, old.subject AS old_subject
    ), event AS (
        INSERT INTO ticket_events (id, ticket_id, type, at, changes)
        SELECT $3, id, 'updated', updated_at, jsonb_build_array(
            jsonb_build_object('field', 'subject', 'before', old_subject, 'after', subject))
        FROM ticket
    )
    SELECT id, subject, upper(status) AS status, version, updated_at AS "updatedAt"
    FROM ticket
"""

Row = dict[str, Any]


class _Database:
    pool: asyncpg.Pool


async def _one(request: Request) -> Response:
    variables = orjson.loads(await request.body())
    rows = await _Database.pool.fetch(_ONE, variables["id"])
    return _answer("ticket", _tickets(rows)[0] if rows else None)


async def _list(request: Request) -> Response:
    await request.body()
    return _answer("tickets", {"nodes": _tickets(await _Database.pool.fetch(_LIST, 50))})


async def _page(request: Request) -> Response:
    wanted = orjson.loads(await request.body())["filter"]
    rows = await _Database.pool.fetch(
        _PAGE, 21, wanted["status"]["eq"].lower(), wanted["priority"]["eq"].lower()
    )
    edges = [{"cursor": _cursor(row), "node": dict(row)} for row in rows[:20]]
    page_info = {
        "hasNextPage": len(rows) > len(edges),
        "hasPreviousPage": False,
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return _answer("tickets", {"edges": edges, "pageInfo": page_info})


async def _nested(request: Request) -> Response:
    await request.body()
    tickets: list[Row] = []
    async with _Database.pool.acquire() as connection:
        for row in await connection.fetch(_NESTED, 20):
            ticket = dict(row)
            ticket["logEntries"] = {"nodes": []}
            tickets.append(ticket)
        ids = [ticket["id"] for ticket in tickets]
        for row in await connection.fetch(_LOG_ENTRIES, ids, 5):
            entry = dict(row)
            tickets[entry.pop("place") - 1]["logEntries"]["nodes"].append(entry)
    return _answer("tickets", {"nodes": tickets})


async def _search(request: Request) -> Response:
    variables = orjson.loads(await request.body())
    rows = await _Database.pool.fetch(_SEARCH, 20, variables["words"])
    return _answer("tickets", {"nodes": [dict(row) for row in rows]})


async def _deep(request: Request) -> Response:
    variables = orjson.loads(await request.body())
    created_at, id = orjson.loads(urlsafe_b64decode(variables["after"]))  # noqa: A001  # a ticket's
    rows = await _Database.pool.fetch(_DEEP, 21, datetime.fromisoformat(created_at), id)
    end = _cursor(rows[:20][-1]) if rows else None
    page_info = {"hasNextPage": len(rows) > 20, "endCursor": end}
    return _answer("tickets", {"nodes": _tickets(rows[:20]), "pageInfo": page_info})


async def _create(request: Request) -> Response:
    given = orjson.loads(await request.body())["input"]
    for name in ("subject", "description", "customerName", "customerEmail"):
        if not isinstance(given.get(name), str) or not given[name]:
            return _answer("createTicket", {"ticket": None, "errors": [{"message": name}]})
    priority = given.get("priority", "MEDIUM")
    category = given.get("category", "general")
    metadata = given.get("metadata")
    told = {
        "subject": given["subject"],
        "description": given["description"],
        "status": "OPEN",
        "priority": priority,
        "category": category,
        "customerName": given["customerName"],
        "customerEmail": given["customerEmail"],
        "metadata": metadata,
    }
    changes = [
        {"field": field, "before": None, "after": value}
        for field, value in told.items()
        if value is not None
    ]
    row = await _Database.pool.fetchrow(
        _CREATE,
        str(uuid4()),
        given["subject"],
        given["description"],
        priority.lower(),
        category,
        given["customerName"],
        given["customerEmail"],
        None if metadata is None else orjson.dumps(metadata).decode(),
        str(uuid4()),
        orjson.dumps(changes).decode(),
    )
    assert row is not None
    return _answer("createTicket", {"ticket": dict(row), "errors": []})


async def _update(request: Request) -> Response:
    given = orjson.loads(await request.body())["input"]
    row = await _Database.pool.fetchrow(_UPDATE, given["id"], given["subject"], str(uuid4()))
    if row is None:
        return _answer("updateTicket", {"ticket": None, "errors": [{"message": "Not found."}]})
    return _answer("updateTicket", {"ticket": dict(row), "errors": []})


def _tickets(rows: Sequence[asyncpg.Record]) -> list[Row]:
    tickets = []
    for row in rows:
        ticket = dict(row)
        if ticket["metadata"] is not None:
            # As it is stored: parsing it only to write it again would be dear.
            ticket["metadata"] = orjson.Fragment(ticket["metadata"])
        tickets.append(ticket)
    return tickets


def _cursor(row: asyncpg.Record) -> str:
    return urlsafe_b64encode(orjson.dumps([row["createdAt"], row["id"]])).decode()


def _answer(name: str, value: Any) -> Response:
    content = orjson.dumps({"data": {name: value}}, option=orjson.OPT_UTC_Z)
    return Response(content, media_type="application/json")


async def _keep_state(connection: asyncpg.Connection) -> None:
    """Save the round trip of a reset: no session state is ever set."""


@asynccontextmanager
async def connected(url: str, *, pool_size: int) -> AsyncIterator[None]:
    """Open the pool for the time of this context."""
    async with asyncpg.create_pool(url, min_size=1, max_size=pool_size, reset=_keep_state) as pool:
        _Database.pool = pool
        yield


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001  # Starlette's signature
    pool_size = int(os.environ["DATABASE_POOL_SIZE"])
    async with connected(os.environ["DATABASE_URL"], pool_size=pool_size):
        yield


app = Starlette(
    routes=[
        Route(f"/{name}", endpoint, methods=["POST"])
        for name, endpoint in {
            "one": _one,
            "list": _list,
            "page": _page,
            "nested": _nested,
            "create": _create,
            "update": _update,
            "search": _search,
            "deep": _deep,
        }.items()
    ],
    lifespan=_lifespan,
)
