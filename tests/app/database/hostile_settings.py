"""Settings that `ALTER DATABASE ... SET` can give to every session, and a client that notices."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

__all__ = ["hostile_values", "use_core"]

# Settings that no session uses, or whose values the test's server cannot have.
_EXCLUDED = {
    # Chosen by other means, or without effect on the service's sessions.
    "application_name",
    "client_encoding",
    "client_connection_check_interval",
    "role",
    "session_authorization",
    "seed",
    "search_path",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
    # Writing is refused: tests/app/database/test_read_only.py.
    "default_transaction_read_only",
    # Waits for standbys that the server does not have.
    "synchronous_commit",
    # Names of files and of objects that do not exist.
    "default_tablespace",
    "temp_tablespaces",
    "default_table_access_method",
    "local_preload_libraries",
    "dynamic_library_path",
    "extension_control_path",
    "default_text_search_config",
    "timezone_abbreviations",
}
# Values other than the extremes of a type.
_VALUES = {
    "TimeZone": "Pacific/Kiritimati",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "statement_timeout": "1",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    "idle_session_timeout": "50",
    "transaction_timeout": "50",
    "extra_float_digits": "-15",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "work_mem": "64",
    "gin_fuzzy_search_limit": "1",
    "max_stack_depth": "100",
}
# Settings whose greatest value makes the server allocate so much.
_SMALL = {"work_mem", "maintenance_work_mem", "logical_decoding_work_mem", "temp_buffers"}


async def hostile_values(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Return, for each setting that a user can change, the values that differ from the default."""
    rows = await connection.fetch("""
        SELECT name, vartype, boot_val, min_val, max_val, enumvals
        FROM pg_settings
        WHERE context = 'user'
        ORDER BY name
    """)
    return {
        row["name"]: values
        for row in rows
        if row["name"] not in _EXCLUDED and (values := _values(row))
    }


def _values(row: asyncpg.Record) -> list[str]:
    if row["name"] in _VALUES:
        return [_VALUES[row["name"]]]
    if row["vartype"] == "bool":
        return ["off" if row["boot_val"] == "on" else "on"]
    if row["vartype"] == "enum":
        return [value for value in row["enumvals"] if value != row["boot_val"]]
    if row["vartype"] in {"integer", "real"}:
        ends = [row["min_val"]] if row["name"] in _SMALL else [row["min_val"], row["max_val"]]
        return [value for value in ends if value != row["boot_val"]]
    return []


async def use_core(http: httpx2.AsyncClient) -> list[Any]:
    """Create, change, find, send and delete tickets, and return the responses without ids."""
    responses: list[httpx2.Response] = []
    ticket_id = f"T-{uuid4().hex}"

    async def ask(method: str, path: str, **body: Any) -> httpx2.Response:
        response = await http.request(method, path, json=body or None)
        responses.append(response)
        return response

    async def query(text: str) -> httpx2.Response:
        return await ask("POST", "/graphql", query=text)

    await ask(
        "POST",
        "/tickets",
        id=ticket_id,
        subject=r"a\nb 'quoted'",
        description="Printer on fire",
        customer_name="N",
        customer_email="n@example.com",
        metadata={"a": [None, 1.5, "x"], "b": 0.1},
    )
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(ask("PUT", f"/tickets/{ticket_id}", assigned_to=f"team {number}"))
    del responses[1:7]
    await ask("PUT", f"/tickets/{ticket_id}", assigned_to="last")
    await query(
        f'{{ ticket(id: "{ticket_id}") {{ subject metadata version assignedTo'
        " history(first: 20) { totalCount nodes { type } } } }"
    )
    await query(
        '{ tickets(filter: { search: "printer fire" }, first: 2) { nodes { subject metadata } } }'
    )
    await ask("POST", f"/api/ops/{ticket_id}")
    await ask("GET", f"/api/status/{ticket_id}")
    await ask("POST", "/tickets", id=ticket_id, subject="taken")
    await ask("DELETE", f"/tickets/{ticket_id}")
    await ask("GET", f"/tickets/{ticket_id}")
    return [(response.status_code, _bare(response)) for response in responses]


def _bare(response: httpx2.Response) -> Any:
    """Return the body without what differs each time."""
    return _without(response.json()) if response.content else None


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without(part)
            for name, part in value.items()
            if not name.endswith(
                ("id", "_at", "reference", "timestamp", "instance", "detail", "_ms")
            )
        }
    if isinstance(value, list):
        return [_without(part) for part in value]
    return value
