"""The statements that change tickets: each a transaction of its own, with its event."""

from functools import cache

from models.ticket_lock import TICKET_LOCK
from resolvers.tables import NODE_TABLES, TICKETS

# The fields whose changes are told, as the API names them.
AUDITED_FIELDS = {
    "subject": "subject",
    "description": "description",
    "status": "status",
    "priority": "priority",
    "category": "category",
    "customer_name": "customerName",
    "customer_email": "customerEmail",
    "customer_phone": "customerPhone",
    "assigned_to": "assignedTo",
    "metadata": "metadata",
}
# The columns whose values the API writes in upper case.
_ENUMS = frozenset({"status", "priority"})
_COLUMNS = ", ".join(column.sql for column in TICKETS.columns.values())
_SELECTED = ", ".join(column.selected for column in TICKETS.columns.values())
_OF_TICKETS = ", ".join(f"tickets.{column.sql}" for column in TICKETS.columns.values())

# One statement is one transaction: the ticket and its event, or neither.
CREATE = f"""
WITH ticket AS (
    INSERT INTO tickets (
        id, subject, description, status, priority, category,
        customer_name, customer_email, customer_phone, assigned_to, metadata
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)
    RETURNING {_COLUMNS}
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT $12, id, 'created', created_at, $13, $14, $15::jsonb
    FROM ticket
)
SELECT {_SELECTED} FROM ticket
"""

ID_IS_TAKEN = " UNION ALL ".join(
    f"SELECT 1 FROM {table.name} WHERE {table.key} = $1"
    for table in NODE_TABLES
    if table is not TICKETS
)

FIND = f"SELECT {_SELECTED} FROM tickets WHERE id = $1"

# The ticket is locked before the transaction has a number, and read again where another
# one has changed it meanwhile; it is changed, with its event, or stays as it is. Answers the
# version that it had, and then, where it was changed, what it is now.
_UPDATE = f"""
WITH locked AS MATERIALIZED (
    SELECT {TICKET_LOCK}
), old AS (
    SELECT id, version, %(names)s, %(new_metadata)s AS new_metadata
    FROM locked, tickets
    WHERE id = $1
    FOR UPDATE OF tickets
), changed AS (
    UPDATE tickets
    SET %(assignments)s, version = tickets.version + 1, updated_at = clock_timestamp()
    FROM old
    WHERE tickets.id = old.id AND ($2::numeric IS NULL OR old.version = $2) AND (%(differs)s)
    RETURNING {_OF_TICKETS}, %(olds)s
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT $3, id, 'updated', updated_at, $4, $5, %(changes)s
    FROM changed
)
SELECT old.version, ticket.*
FROM old LEFT JOIN (SELECT {_SELECTED} FROM changed) AS ticket ON TRUE
"""

FIND_FOR_DELETION = f"SELECT {_SELECTED} FROM tickets WHERE id = $1 FOR UPDATE"

DELETE = """
WITH ticket AS (
    DELETE FROM tickets
    WHERE id = $1
    RETURNING id
)
INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
SELECT $2, id, 'deleted', clock_timestamp(), $3, $4, $5::jsonb
FROM ticket
"""


@cache
def update_statement(names: tuple[str, ...], *, is_patch: bool) -> str:
    """Return the statement that changes these columns, whose values follow the fifth."""
    given = {name: f"${number}" for number, name in enumerate(names, start=6)}
    metadata = "NULL::jsonb"
    if "metadata" in given:
        metadata = f"{given['metadata']}::jsonb"
        if is_patch:
            metadata = f"jsonb_merge_patch(metadata, {metadata})"
        # A JSON null is no value, as for who makes a ticket.
        metadata = f"nullif({metadata}, 'null')"
        given["metadata"] = "old.new_metadata"
    return _UPDATE % {
        "names": ", ".join(f'"{name}"' for name in names),
        "olds": ", ".join(f"old.{name} AS old_{name}" for name in names),
        "new_metadata": metadata,
        "assignments": ", ".join(f'"{name}" = {value}' for name, value in given.items()),
        "differs": " OR ".join(
            _differs(f"old.{name}", value, name) for name, value in given.items()
        ),
        "changes": " || ".join(_change(name) for name in AUDITED_FIELDS if name in given),
    }


def _differs(one: str, other: str, name: str) -> str:
    # Of a JSON value the text, for 1 and 1.0 are equal and yet a change.
    kind = "::text" if name == "metadata" else ""
    return f"{one}{kind} IS DISTINCT FROM {other}{kind}"


def _change(name: str) -> str:
    """Return the change of a column, as a list of one where there is one."""
    old, new = f"old_{name}", name
    before, after = (f"upper({one})" if name in _ENUMS else one for one in (old, new))
    return f"""CASE WHEN {_differs(old, new, name)} THEN jsonb_build_array(
        jsonb_build_object('field', '{AUDITED_FIELDS[name]}', 'before', {before}, 'after', {after})
    ) ELSE '[]' END"""
