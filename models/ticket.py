"""The table of tickets."""

from enum import StrEnum

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.columns import enum_column, id_column, json_column, new_id, text_column, time_column
from models.enums import OpsState, TicketPriority, TicketStatus

# In characters. The texts of the full-text search together must stay well below 1 MiB,
# PostgreSQL's limit of a tsvector.
SUBJECT_MAX_LENGTH = 500
DESCRIPTION_MAX_LENGTH = 65_536
CATEGORY_MAX_LENGTH = 100
CUSTOMER_NAME_MAX_LENGTH = 200
CUSTOMER_EMAIL_MAX_LENGTH = 254
CUSTOMER_PHONE_MAX_LENGTH = 50
ASSIGNED_TO_MAX_LENGTH = 200
# In bytes of the value as PostgreSQL prints it: ``octet_length(metadata::text)``.
METADATA_MAX_BYTES = 65_536

# Text search configuration of the column ``search``. The model does not declare that column:
# PostgreSQL generates it from subject, description and customer.
SEARCH_CONFIGURATION = "english"


def _rank(column: str, enum: type[StrEnum]) -> str:
    cases = " ".join(f"WHEN '{member}' THEN {rank}" for rank, member in enumerate(enum, start=1))
    return f"CASE {column} {cases} END"


# Rank of a value in its enumeration, to sort tickets. The indexes have the same expressions.
STATUS_RANK = _rank("status", TicketStatus)
PRIORITY_RANK = _rank("priority", TicketPriority)


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
    category = text_column(CATEGORY_MAX_LENGTH, default="general", db_default="general")
    customer_name = text_column(CUSTOMER_NAME_MAX_LENGTH)
    customer_email = text_column(CUSTOMER_EMAIL_MAX_LENGTH)
    customer_phone = text_column(CUSTOMER_PHONE_MAX_LENGTH, null=True)
    assigned_to = text_column(ASSIGNED_TO_MAX_LENGTH, null=True)
    metadata = json_column(null=True)
    created_at = time_column()
    updated_at = time_column()
    # Incremented by each change of a caller; a change of ops_state alone does not change it.
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
        )
