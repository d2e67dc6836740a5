"""Constraints, triggers and policies of the database's owner: clients receive what they reject."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx2
import pytest

from app.database.migrations import migrate
from models import OpsDelivery, OpsState, Ticket, TicketEvent
from tests.api.operations import NEW, Ask, create
from tests.app.service import running
from tests.models.shapes import trigger

REST_NEW = {
    "id": "T-2",
    "subject": "Second",
    "description": "",
    "customer_name": "Eve",
    "customer_email": "eve@example.com",
}
Apply: TypeAlias = Callable[[str, str], Awaitable[None]]


@pytest.fixture
async def apply(database_url: str) -> AsyncIterator[Apply]:
    """Return a function that changes the database by SQL; other SQL undoes it after the test."""
    connection = await asyncpg.connect(database_url)
    undo: list[str] = []

    async def run(sql: str, undoing: str) -> None:
        await connection.execute(sql)
        undo.append(undoing)

    yield run
    for sql in reversed(undo):
        await connection.execute(sql)
    await connection.close()


def drop(name: str) -> str:
    """Return the SQL that drops the function of a trigger, and with it the trigger."""
    return f"DROP FUNCTION {name} CASCADE"


@dataclass(frozen=True)
class Case:
    """A change of the database, a request, and the expected error."""

    sql: str
    undo: str
    method: str
    path: str
    status: int
    code: str
    detail: str
    body: dict[str, str] | None = None


COMMENTS = "CREATE TABLE comments (ticket_id text REFERENCES tickets{}); INSERT INTO comments"
CASES = {
    "foreign key from outside": Case(
        f"{COMMENTS.format('')} VALUES ('T-1')",
        "DROP TABLE comments",
        "DELETE", "/tickets/T-1", 409, "INVALID_STATE", '"comments_ticket_id_fkey"',
    ),
    "restricting foreign key": Case(
        f"{COMMENTS.format(' ON DELETE RESTRICT')} VALUES ('T-1')",
        "DROP TABLE comments",
        "DELETE", "/tickets/T-1", 409, "INVALID_STATE", '"comments_ticket_id_fkey"',
    ),
    "foreign key checked at the commit": Case(
        f"{COMMENTS.format(' DEFERRABLE INITIALLY DEFERRED')} VALUES ('T-1')",
        "DROP TABLE comments",
        "DELETE", "/tickets/T-1", 409, "INVALID_STATE", '"comments_ticket_id_fkey"',
    ),
    "foreign key to outside": Case(
        """
        CREATE TABLE teams (name text PRIMARY KEY);
        ALTER TABLE tickets ADD CONSTRAINT known_team FOREIGN KEY (assigned_to) REFERENCES teams
        """,
        "DROP TABLE teams CASCADE",
        "PUT", "/tickets/T-1", 422, "INVALID", '"known_team"', {"assigned_to": "unknown"},
    ),
    "trigger on insert": Case(
        trigger("closed", "BEFORE INSERT ON tickets", "RAISE EXCEPTION 'closed on_sundays.';"),
        drop("closed"),
        "POST", "/tickets", 422, "INVALID", "rejected the change: closed on_sundays.", REST_NEW,
    ),
    "trigger with its own code": Case(
        trigger("closed", "AFTER UPDATE ON tickets", "RAISE 'no' USING ERRCODE = 'ABC12';"),
        drop("closed"),
        "PUT", "/tickets/T-1", 422, "INVALID", "rejected the change: no.", {"status": "closed"},
    ),
    "trigger on delete": Case(
        trigger("keep", "BEFORE DELETE ON tickets", "RAISE EXCEPTION 'audit first';"),
        drop("keep"),
        "DELETE", "/tickets/T-1", 422, "INVALID", "audit first",
    ),
    "trigger that keeps the ticket": Case(
        trigger("keep", "BEFORE DELETE ON tickets", "RETURN NULL;"),
        drop("keep"),
        "DELETE", "/tickets/T-1", 409, "INVALID_STATE", "ignored the change",
    ),
    "trigger that stores nothing": Case(
        trigger("keep", "BEFORE INSERT ON tickets", "RETURN NULL;"),
        drop("keep"),
        "POST", "/tickets", 409, "INVALID_STATE", 'policy of the table "tickets"', REST_NEW,
    ),
    "trigger that updates nothing": Case(
        trigger("keep", "BEFORE UPDATE ON tickets", "RETURN NULL;"),
        drop("keep"),
        "PUT", "/tickets/T-1", 409, "INVALID_STATE", "ignored the change", {"status": "closed"},
    ),
    "trigger at the commit": Case(
        """
        CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'too late'; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON tickets DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION late();
        """,
        drop("late"),
        "POST", "/tickets", 422, "INVALID", "too late", REST_NEW,
    ),
    "trigger without privileges": Case(
        trigger("audit", "AFTER UPDATE ON tickets", "RAISE insufficient_privilege;"),
        drop("audit"),
        "PUT", "/tickets/T-1", 422, "INVALID", "rejected the change", {"status": "closed"},
    ),
    "check": Case(
        "ALTER TABLE tickets ADD CONSTRAINT no_spam CHECK (category <> 'spam')",
        "ALTER TABLE tickets DROP CONSTRAINT no_spam",
        "POST", "/tickets", 422, "INVALID", '"no_spam"', REST_NEW | {"category": "spam"},
    ),
    "unique index": Case(
        "CREATE UNIQUE INDEX one_subject ON tickets (subject)",
        "DROP INDEX one_subject",
        "POST", "/tickets", 409, "INVALID_STATE", '"one_subject"',
        REST_NEW | {"subject": NEW["subject"]},
    ),
    "exclusion": Case(
        "ALTER TABLE tickets ADD CONSTRAINT one EXCLUDE USING hash (subject WITH =)",
        "ALTER TABLE tickets DROP CONSTRAINT one",
        "POST", "/tickets", 409, "INVALID_STATE", '"one"', REST_NEW | {"subject": NEW["subject"]},
    ),
    "index of a long text": Case(
        "CREATE INDEX long ON tickets (description)",
        "DROP INDEX long",
        "PUT", "/tickets/T-1", 422, "INVALID", "index row",
        {"description": "".join(map(chr, range(0x4E00, 0x4E00 + 6000)))},
    ),
    "published without identity": Case(
        "ALTER TABLE tickets REPLICA IDENTITY NOTHING; CREATE PUBLICATION %s FOR TABLE tickets",
        "DROP PUBLICATION %s; ALTER TABLE tickets REPLICA IDENTITY DEFAULT",
        "PUT", "/tickets/T-1", 409, "INVALID_STATE", "replica identity", {"status": "closed"},
    ),
    "rule": Case(
        "CREATE RULE keep AS ON DELETE TO tickets DO INSTEAD NOTHING",
        "DROP RULE keep ON tickets",
        "DELETE", "/tickets/T-1", 409, "INVALID_STATE", "cannot perform DELETE",
    ),
    "trigger of the log": Case(
        trigger("no_log", "BEFORE INSERT ON log_entries", "RAISE EXCEPTION 'the log is full';"),
        drop("no_log"),
        "POST", "/api/ops/T-1", 422, "INVALID", "the log is full",
    ),
    "trigger of the log that stores nothing": Case(
        trigger("no_log", "BEFORE INSERT ON log_entries", "RETURN NULL;"),
        drop("no_log"),
        "POST", "/api/ops/T-1", 409, "INVALID_STATE", 'policy of the table "log_entries"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_rejected_request_is_answered_with_the_message(
    ask: Ask, http: httpx2.AsyncClient, apply: Apply, case: Case
) -> None:
    await create(ask, id="T-1")
    events = await TicketEvent.all().count()
    await apply(case.sql.replace("%s", "mine"), case.undo.replace("%s", "mine"))

    response = await http.request(case.method, case.path, json=case.body)

    document = response.json()
    assert (response.status_code, document["code"]) == (case.status, case.code), document
    assert case.detail in document["detail"]
    assert (await http.get("/tickets/T-1")).json()["version"] == 1
    if not case.path.startswith("/api"):
        # The transaction was rolled back with everything in it.
        assert await TicketEvent.all().count() == events
        assert await Ticket.all().count() == 1


async def test_a_mutation_returns_a_typed_error_with_the_names_of_the_database(
    ask: Ask, apply: Apply
) -> None:
    document = """
        mutation {
          deleteTicket(input: {id: "T-1"}) {
            deletedId errors { __typename code path message }
          }
          updateTicket(input: {id: "T-1", status: CLOSED}) {
            ticket { id } errors { __typename code path message }
          }
        }
    """
    await create(ask, id="T-1")
    await OpsDelivery.create(ticket_id="T-1", payload="{}", next_attempt_at="2999-01-01T00:00:00Z")
    await apply(f"{COMMENTS.format('')} VALUES ('T-1')", "DROP TABLE comments")
    await apply(
        trigger("strict", "BEFORE UPDATE ON tickets", "RAISE EXCEPTION 'not_allowed here';"),
        drop("strict"),
    )
    answer = await ask(document)
    [deletion] = answer["deleteTicket"]["errors"]
    assert "comments_ticket_id_fkey" in deletion.pop("message")
    assert deletion == {"__typename": "ConflictError", "code": "INVALID_STATE", "path": []}
    assert answer["updateTicket"] == {
        "ticket": None,
        "errors": [
            {
                "__typename": "InvalidInputError",
                "code": "INVALID",
                "path": [],
                "message": "The database rejected the change: not_allowed here.",
            }
        ],
    }
    # The deletion has not cancelled it.
    assert (await OpsDelivery.get(ticket_id="T-1")).state is OpsState.PENDING


async def test_an_update_without_a_change_is_not_rejected(
    ask: Ask, http: httpx2.AsyncClient, apply: Apply
) -> None:
    await create(ask, id="T-1", category="billing")
    await apply(
        trigger("keep", "BEFORE UPDATE ON tickets", "RETURN NULL;"),
        drop("keep"),
    )
    response = await http.put("/tickets/T-1", json={"category": "billing"})
    assert (response.status_code, response.json()["version"]) == (200, 1)


async def test_a_status_that_cannot_be_logged_is_an_error(
    ask: Ask, http: httpx2.AsyncClient, apply: Apply
) -> None:
    await create(ask, id="T-1")
    assert (await http.post("/api/ops/T-1")).status_code == 200
    await apply(trigger("no_log", "BEFORE INSERT ON log_entries", "RETURN NULL;"), drop("no_log"))
    response = await http.get("/api/status/T-1")
    assert (response.status_code, response.json()["code"]) == (409, "INVALID_STATE")


async def test_a_policy_rejects_a_ticket(empty_database_url: str, tmp_path: Path) -> None:
    """A superuser is exempt from policies, therefore it needs another role."""
    connection = await asyncpg.connect(empty_database_url)
    is_exempt = connection.get_settings().is_superuser == "on"
    role = "r_" + (await connection.fetchval("SELECT current_database()"))[2:]
    url = empty_database_url
    if is_exempt:
        await connection.execute(
            f"CREATE ROLE {role}; GRANT CREATE, USAGE ON SCHEMA public TO {role}"
        )
        url += f"{'&' if '?' in url else '?'}options=-crole%3D{role}"
    try:
        await migrate(url)
        await connection.execute(
            """
            CREATE POLICY few ON tickets USING (TRUE) WITH CHECK (category <> 'secret');
            ALTER TABLE tickets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
            """
        )
        with running(cwd=tmp_path, DATABASE_URL=url) as service:
            body = REST_NEW | {"category": "secret"}
            response = httpx2.post(f"{service.url}/tickets", json=body, timeout=30)
            assert (response.status_code, response.json()["code"]) == (422, "INVALID")
            assert "row-level security policy" in response.json()["detail"]
            assert httpx2.post(f"{service.url}/tickets", json=REST_NEW).status_code == 201
    finally:
        if is_exempt:
            await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()
