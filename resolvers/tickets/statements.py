"""The statements that write tickets. Each writes the ticket and its event in one transaction."""

from collections.abc import Iterable
from functools import lru_cache

from engine.sql.tables import Table
from models.ticket import NEW_TICKET
from models.ticket_lock import TRY_TICKET_LOCK
from resolvers.tables import DELIVERIES, EVENTS, LOG_ENTRIES, TABLES, TICKETS, graphql_name

# The columns whose changes the history records, with their GraphQL names.
AUDITED_FIELDS = {name: graphql_name(name) for name in NEW_TICKET}

_COLUMNS = ", ".join(column.sql for column in TICKETS.columns.values())
_SELECTED = ", ".join(column.selected for column in TICKETS.columns.values())
_QUALIFIED_COLUMNS = ", ".join(f"tickets.{column.sql}" for column in TICKETS.columns.values())


def _parameter(name: str, number: int) -> str:
    return f"${number}::jsonb" if TICKETS.columns[name].is_json else f"${number}"


def _exists(column: str, tables: Iterable[Table]) -> str:
    """Return the SQL condition that one of the tables has a row with the first parameter."""
    found = " UNION ALL ".join(f"SELECT FROM {table.name} WHERE {column} = $1" for table in tables)
    return f"EXISTS ({found})"


# The parameters are the id, the written columns in the order of `NEW_TICKET`, then the id,
# actor, request id and changes of the event.
_WRITTEN = ", ".join(f'"{name}"' for name in NEW_TICKET)
_VALUES = ", ".join(_parameter(name, number) for number, name in enumerate(NEW_TICKET, start=2))
_EVENT = len(NEW_TICKET) + 2

CREATE = f"""
WITH ticket AS (
    INSERT INTO tickets (id, {_WRITTEN})
    VALUES ($1, {_VALUES})
    RETURNING {_COLUMNS}
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT ${_EVENT}, id, 'created', created_at, ${_EVENT + 1}, ${_EVENT + 2}, ${_EVENT + 3}::jsonb
    FROM ticket
)
SELECT {_SELECTED} FROM ticket
"""

# Whether an id is taken, and whether anything refers to it as the id of a ticket. An id that was
# used stays with its ticket, because history, deliveries and log are kept after a deletion.
ID_USE = f"""
SELECT
    {_exists("id", TABLES.values())} AS is_taken,
    {_exists("ticket_id", (EVENTS, DELIVERIES, LOG_ENTRIES))} AS was_used
"""

FIND = f"SELECT {_SELECTED} FROM tickets WHERE id = $1"

# The ticket is locked before the transaction gets its number. The statement returns no row if
# another transaction has the lock. Otherwise it returns the version before the update, which is
# null if the ticket does not exist, whether the new values differ, and, if the update changed
# anything, the columns after it.
_UPDATE = f"""
WITH locked AS MATERIALIZED (
    SELECT WHERE {TRY_TICKET_LOCK}
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
    RETURNING {_QUALIFIED_COLUMNS}, %(olds)s
), event AS (
    INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
    SELECT $3, id, 'updated', updated_at, $4, $5, %(changes)s
    FROM changed
)
SELECT old.version, coalesce(%(differs)s, FALSE) AS differs, ticket.*
FROM locked LEFT JOIN old ON TRUE LEFT JOIN (SELECT {_SELECTED} FROM changed) AS ticket ON TRUE
"""

FIND_LOCKED = f"SELECT {_SELECTED} FROM tickets WHERE id = $1 FOR UPDATE"

DELETE = """
WITH ticket AS (
    DELETE FROM tickets
    WHERE id = $1
    RETURNING id
)
INSERT INTO ticket_events (id, ticket_id, type, at, actor, request_id, changes)
SELECT $2, id, 'deleted', clock_timestamp(), $3, $4, $5::jsonb
FROM ticket
RETURNING ticket_id
"""


# Clients choose the columns. A text has about 5 kB.
@lru_cache(maxsize=200)
def update_statement(names: tuple[str, ...], *, is_patch: bool) -> str:
    """Return the statement that updates these columns; their values are parameters 6 and up.

    With ``is_patch`` the value of ``metadata`` is a merge patch (RFC 7396).
    """
    new_values = {name: f"${number}" for number, name in enumerate(names, start=6)}
    metadata = "NULL::jsonb"
    if "metadata" in new_values:
        metadata = f"{new_values['metadata']}::jsonb"
        if is_patch:
            metadata = f"jsonb_merge_patch(metadata, {metadata})"
        # A JSON null is stored as NULL, as by `createTicket`.
        metadata = f"nullif({metadata}, 'null')"
        new_values["metadata"] = "old.new_metadata"
    return _UPDATE % {
        "names": ", ".join(f'"{name}"' for name in names),
        "olds": ", ".join(f"old.{name} AS old_{name}" for name in names),
        "new_metadata": metadata,
        "assignments": ", ".join(f'"{name}" = {value}' for name, value in new_values.items()),
        "differs": " OR ".join(
            _differs(f"old.{name}", value, name) for name, value in new_values.items()
        ),
        "changes": " || ".join(_change(name) for name in AUDITED_FIELDS if name in new_values),
    }


def _differs(left: str, right: str, name: str) -> str:
    if not TICKETS.columns[name].is_json:
        return f"{left} IS DISTINCT FROM {right}"
    # JSON is compared as text, because the jsonb numbers 1 and 1.0 are equal. A ticket of the
    # former service can have a JSON null, which the API returns like a missing value.
    return f"nullif({left}::text, 'null') IS DISTINCT FROM {right}::text"


def _change(name: str) -> str:
    """Return the SQL for the change of a column: a JSON list of one item, or of none."""
    old, new = f"old_{name}", name
    is_enum = TICKETS.columns[name].enum_names is not None
    # The API writes the values of an enumeration in upper case.
    before, after = (f'upper({value} COLLATE "C")' if is_enum else value for value in (old, new))
    return f"""CASE WHEN {_differs(old, new, name)} THEN jsonb_build_array(
        jsonb_build_object('field', '{AUDITED_FIELDS[name]}', 'before', {before}, 'after', {after})
    ) ELSE '[]' END"""
