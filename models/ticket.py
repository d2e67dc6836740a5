"""The table of tickets."""

from tortoise import fields
from tortoise.models import Model

from models.columns import id_column, json_column, new_id, time_column
from models.enums import OpsState, TicketPriority, TicketStatus

# In characters. The columns of text that takes part in the full-text search must
# stay well below the megabyte that PostgreSQL allows a tsvector.
SUBJECT_MAX_LENGTH = 500
DESCRIPTION_MAX_LENGTH = 65_536
CATEGORY_MAX_LENGTH = 100
CUSTOMER_NAME_MAX_LENGTH = 200
CUSTOMER_EMAIL_MAX_LENGTH = 254
CUSTOMER_PHONE_MAX_LENGTH = 50
ASSIGNED_TO_MAX_LENGTH = 200
METADATA_MAX_BYTES = 65_536


class Ticket(Model):
    """A customer's request, from its opening to its closing."""

    id = id_column(primary_key=True, default=new_id)
    subject = fields.CharField(max_length=SUBJECT_MAX_LENGTH)
    description = fields.TextField()
    status = fields.CharEnumField(
        TicketStatus, max_length=20, default=TicketStatus.OPEN, db_default=TicketStatus.OPEN.value
    )
    priority = fields.CharEnumField(
        TicketPriority,
        max_length=20,
        default=TicketPriority.MEDIUM,
        db_default=TicketPriority.MEDIUM.value,
    )
    category = fields.CharField(max_length=CATEGORY_MAX_LENGTH, default="general", db_default="general")
    customer_name = fields.CharField(max_length=CUSTOMER_NAME_MAX_LENGTH)
    customer_email = fields.CharField(max_length=CUSTOMER_EMAIL_MAX_LENGTH)
    customer_phone = fields.CharField(max_length=CUSTOMER_PHONE_MAX_LENGTH, null=True)
    assigned_to = fields.CharField(max_length=ASSIGNED_TO_MAX_LENGTH, null=True)
    metadata = json_column(null=True)
    created_at = time_column()
    updated_at = time_column()
    # Counts changes of what a caller may change; a change of ops_state alone leaves it.
    version = fields.IntField(default=1, db_default=1)
    ops_state = fields.CharEnumField(
        OpsState, max_length=20, default=OpsState.NOT_SENT, db_default=OpsState.NOT_SENT.value
    )

    class Meta:
        table = "tickets"
