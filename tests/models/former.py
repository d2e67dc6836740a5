"""Databases of the former service, in the variants that may exist."""

from dataclasses import dataclass, replace

import asyncpg

TICKET_COLUMNS = (
    "id", "subject", "description", "status", "created_at", "customer_name",
    "customer_email", "customer_phone", "assigned_to", "priority", "category", "metadata",
)  # fmt: skip
LOG_COLUMNS = ("id", "ticket_id", "action", "status", "timestamp", "response")
NULLABLE = {"customer_phone", "assigned_to", "metadata", "response"}

TICKETS = (
    ("6f1c", "Printer on fire", "It burns.", "open", "2021-03-28 02:30:00", "Ann Example",
     "ann@example.com", None, None, "high", "hardware", None),
    ("ticket-2", "", "", "in_progress", "2021-10-31 01:30:00.123456", "Bob", "not an address", "",
     "carol", "medium", "general", '{"z": 1, "a": {"b": [1, 2.50, 1e3, null]}}'),
    ("Ünïcode ☂", "日本語", "a\nb\tc", "pending", "0001-01-01 00:00:00", "🙂", "b@c", "+1 555 0100",
     "", "low", "", "[]"),
    ("x" * 64, "s" * 500, "d" * 65536, "resolved", "9999-12-31 23:59:59.999999", "n" * 200,
     "e" * 254, "p" * 50, "a" * 200, "low", "c" * 100, '"text"'),
    ("5", "subject", "description", "closed", "1970-01-01 00:00:00", "E", "e@example.com", None,
     None, "medium", "general", "null"),
)  # fmt: skip

LOG_ENTRIES = (
    ("l1", "6f1c", "send", "failed", "2021-03-28 02:31:00", '{"error": "timeout"}'),
    ("l2", "6f1c", "retry", "success", "2021-03-28 02:32:00", '{"reference": "OPS-1"}'),
    ("l3", "5", "query", "success", "2021-03-28 02:33:00", None),
)

# A log entry of a deleted ticket: possible only without a foreign key.
ORPHAN = ("l4", "gone", "send", "success", "2021-03-28 02:34:00", "[]")


@dataclass(frozen=True)
class Former:
    """One variant of the two tables."""

    id: str = "varchar(255)"
    text: str = "text"
    status: str = ""
    json: str = "jsonb"
    time: str = "timestamptz"
    key: str = "PRIMARY KEY"
    not_null: bool = True
    defaults: bool = False
    foreign_key: str = ""
    extra: str = ""
    shuffled: bool = False

    def _type(self, column: str) -> str:
        if column in ("id", "ticket_id"):
            return self.id
        if column in ("metadata", "response"):
            return self.json
        if column in ("created_at", "timestamp"):
            return self.time
        if column == "status":
            return self.status or self.text
        return self.text

    def _column(self, table: str, column: str) -> str:
        parts = [f'"{column}"', self._type(column)]
        if self.defaults:
            defaults = {
                "id": "md5(random()::text)",
                "created_at": "now()",
                "timestamp": "now()",
                "subject": "''",
                "priority": "'low'",
                "metadata": "'{}'",
            }
            parts += ["DEFAULT " + defaults[column]] if column in defaults else []
        if self.not_null and column not in NULLABLE:
            parts.append("NOT NULL")
        if column == "id":
            parts.append(self.key.format(table=table))
        if column == "ticket_id":
            parts.append(self.foreign_key)
        return " ".join(parts)

    @property
    def sql(self) -> str:
        """The statements that create the tables."""
        tables = []
        for table, columns in (("tickets", TICKET_COLUMNS), ("log_entries", LOG_COLUMNS)):
            names = reversed(columns) if self.shuffled else columns
            lines = ", ".join(self._column(table, name) for name in names)
            tables.append(f"CREATE TABLE {table} ({lines});")
        return "".join(tables) + self.extra

    async def make(self, connection: asyncpg.Connection) -> None:
        """Create the tables and insert rows."""
        await connection.execute(self.sql)
        await insert(connection, "tickets", TICKETS)
        entries = LOG_ENTRIES if self.foreign_key else (*LOG_ENTRIES, ORPHAN)
        await insert(connection, "log_entries", entries)


async def insert(
    connection: asyncpg.Connection, table: str, rows: tuple[tuple[str | None, ...], ...]
) -> None:
    """Insert rows of text values, in the order of the columns."""
    columns = TICKET_COLUMNS if table == "tickets" else LOG_COLUMNS
    names = ", ".join(f'"{column}"' for column in columns)
    await connection.execute("SET TimeZone = 'UTC'")
    for row in rows:
        values = ", ".join("NULL" if value is None else _quoted(value) for value in row)
        await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


BY_HAND = Former()
VARIANTS = {
    "by_hand": BY_HAND,
    "text_ids": Former(id="text"),
    "unlimited_ids": Former(id="varchar", text="varchar"),
    "json_and_no_time_zone": Former(json="json", time="timestamp"),
    "no_key": Former(key="", not_null=False),
    "unique_instead_of_key": Former(key="UNIQUE", not_null=False),
    "named_key": Former(key="CONSTRAINT pk_of_{table} PRIMARY KEY"),
    "defaults": Former(defaults=True, time="timestamp", text="varchar"),
    "cascading_logs": Former(foreign_key="REFERENCES tickets ON DELETE CASCADE"),
    "restricting_logs": Former(foreign_key="REFERENCES tickets"),
    "own_collation": Former(text='text COLLATE "C"'),
    "checks": Former(extra="ALTER TABLE tickets ADD CHECK (priority <> 'x');"),
    "constraints_that_would_interfere": Former(
        extra="""
        ALTER TABLE tickets ADD CONSTRAINT one_each UNIQUE (subject, description);
        CREATE UNIQUE INDEX one_name ON tickets (lower(customer_name));
        ALTER TABLE log_entries ADD CHECK (action <> 'nothing');
        """
    ),
    "enumerated_status": replace(
        BY_HAND,
        extra="""
        CREATE TYPE ticket_status AS ENUM
            ('open', 'in_progress', 'pending', 'resolved', 'closed', 'archived');
        ALTER TABLE tickets ALTER status TYPE ticket_status USING status::ticket_status;
        ALTER TABLE tickets ALTER status SET DEFAULT 'open';
        """,
    ),
}
