"""The table of tickets, and how the API uses each of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.columns import (
    columns_of,
    enum_column,
    id_column,
    json_column,
    new_id,
    text_column,
    time_column,
)
from models.enums import OpsState, TicketPriority, TicketStatus

# In characters. The total length of the searched texts must stay well below 1 MiB, PostgreSQL's
# limit for a tsvector.
SUBJECT_MAX_LENGTH = 500
DESCRIPTION_MAX_LENGTH = 65_536
CATEGORY_MAX_LENGTH = 100
CUSTOMER_NAME_MAX_LENGTH = 200
CUSTOMER_EMAIL_MAX_LENGTH = 254
CUSTOMER_PHONE_MAX_LENGTH = 50
ASSIGNED_TO_MAX_LENGTH = 200
# In bytes of the value as PostgreSQL prints it: ``octet_length(metadata::text)``.
METADATA_MAX_BYTES = 65_536

DEFAULT_CATEGORY = "general"

# The enumerations, which lists are filtered by in every combination.
_STATES = ("status", "priority", "ops_state")

# The column ``search`` is not declared here: a trigger of the database keeps it, from subject,
# description and customer, and the function ``ticket_search_query`` compiles searches for it.


def rank(column: str, enum: type[StrEnum]) -> str:
    """Return the SQL expression for the position of a value in its enumeration.

    Tickets are sorted by it. The expression indexes in the migrations use exactly this text.
    """
    cases = " ".join(
        f"WHEN '{member}' THEN {position}" for position, member in enumerate(enum, start=1)
    )
    return f"CASE {column} {cases} END"


class Ticket(Model):
    """A support ticket of a customer."""

    id = id_column(primary_key=True, default=new_id)
    subject = text_column(SUBJECT_MAX_LENGTH)
    description = text_column(DESCRIPTION_MAX_LENGTH)
    status = enum_column(
        TicketStatus, default=TicketStatus.OPEN, db_default=TicketStatus.OPEN.value
    )
    priority = enum_column(
        TicketPriority, default=TicketPriority.MEDIUM, db_default=TicketPriority.MEDIUM.value
    )
    category = text_column(
        CATEGORY_MAX_LENGTH, default=DEFAULT_CATEGORY, db_default=DEFAULT_CATEGORY
    )
    customer_name = text_column(CUSTOMER_NAME_MAX_LENGTH)
    customer_email = text_column(CUSTOMER_EMAIL_MAX_LENGTH)
    customer_phone = text_column(CUSTOMER_PHONE_MAX_LENGTH, null=True)
    assigned_to = text_column(ASSIGNED_TO_MAX_LENGTH, null=True)
    metadata = json_column(null=True)
    created_at = time_column()
    updated_at = time_column()
    # Incremented by each update of a client; a change of ops_state does not increment it.
    version = fields.IntField(default=1, db_default=1)
    ops_state = enum_column(OpsState, default=OpsState.NOT_SENT, db_default=OpsState.NOT_SENT.value)

    class Meta:
        table = "tickets"
        indexes = (
            Index(fields=("created_at", "id"), name="tickets_by_created_at"),
            Index(fields=("updated_at", "id"), name="tickets_by_updated_at"),
            Index(fields=("subject", "id"), name="tickets_by_subject"),
            Index(fields=("status", "created_at", "id"), name="tickets_of_status"),
            Index(fields=("assigned_to", "created_at", "id"), name="tickets_of_assignee"),
            Index(fields=("customer_email", "created_at", "id"), name="tickets_of_customer"),
            Index(fields=("customer_name", "created_at", "id"), name="tickets_of_customer_name"),
            # Each combination of the enumerations is a range in the order of the list.
            Index(fields=(*_STATES, "created_at", "id"), name="tickets_of_states_created"),
            Index(fields=(*_STATES, "updated_at", "id"), name="tickets_of_states_updated"),
            Index(
                fields=("assigned_to", *_STATES, "created_at", "id"),
                name="tickets_of_assignee_states_created",
            ),
            Index(
                fields=("assigned_to", *_STATES, "updated_at", "id"),
                name="tickets_of_assignee_states_updated",
            ),
            Index(
                fields=("category", *_STATES, "created_at", "id"),
                name="tickets_of_category_states_created",
            ),
            Index(
                fields=("category", *_STATES, "updated_at", "id"),
                name="tickets_of_category_states_updated",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketField:
    """Properties of a ticket's field that its column does not declare.

    Validation, the statements that write tickets, the history, the payload for OPS and the
    REST fields are derived from the columns and from these properties.
    """

    # Set by the service: clients cannot write it, and the history does not record it.
    is_read_only: bool = False
    # Text that may be empty or blank.
    may_be_blank: bool = False
    is_email: bool = False
    # Part of the payload of a delivery.
    is_sent_to_ops: bool = True
    # Query parameter of GET /tickets, compared for equality.
    is_rest_parameter: bool = False


# In the order of the REST fields: fields of the former service precede later fields.
TICKET_FIELDS: Mapping[str, TicketField] = {
    "id": TicketField(is_read_only=True),
    "subject": TicketField(),
    "description": TicketField(may_be_blank=True),
    "status": TicketField(is_rest_parameter=True),
    "created_at": TicketField(is_read_only=True),
    "customer_name": TicketField(),
    "customer_email": TicketField(is_email=True),
    "customer_phone": TicketField(),
    "assigned_to": TicketField(is_rest_parameter=True),
    "priority": TicketField(is_rest_parameter=True),
    "category": TicketField(is_rest_parameter=True),
    "metadata": TicketField(),
    "updated_at": TicketField(is_read_only=True),
    "version": TicketField(is_read_only=True),
    "ops_state": TicketField(is_read_only=True, is_sent_to_ops=False),
}
TICKET_COLUMNS = columns_of(Ticket)
if TICKET_FIELDS.keys() != TICKET_COLUMNS.keys():
    difference = ", ".join(sorted(TICKET_FIELDS.keys() ^ TICKET_COLUMNS.keys()))
    raise TypeError(f"TICKET_FIELDS must list each column of Ticket; check {difference}")

# The default of each field that clients write; None for a field without a default.
NEW_TICKET: Mapping[str, Any] = {
    name: column.default
    for name, column in TICKET_COLUMNS.items()
    if not TICKET_FIELDS[name].is_read_only
}
