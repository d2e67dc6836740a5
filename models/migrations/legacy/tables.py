"""The form of the two tables from which the migration continues, and the names that it adds."""

from models.migrations.legacy.values import Expected

CREATE = {
    "tickets": """
CREATE TABLE tickets (
    id text PRIMARY KEY,
    subject text NOT NULL,
    description text NOT NULL,
    status text NOT NULL DEFAULT 'open',
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    customer_name text NOT NULL,
    customer_email text NOT NULL,
    customer_phone text,
    assigned_to text,
    priority text NOT NULL DEFAULT 'medium',
    category text NOT NULL DEFAULT 'general',
    metadata jsonb
);
""",
    "log_entries": """
CREATE TABLE log_entries (
    id text PRIMARY KEY,
    ticket_id text NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    response jsonb
);
""",
}

ID = Expected(min_length=1, max_length=64)
TIME = Expected(type="timestamp with time zone", default="CURRENT_TIMESTAMP")

COLUMNS = {
    "tickets": {
        "id": ID,
        "subject": Expected(max_length=500),
        "description": Expected(max_length=65_536),
        "status": Expected(
            values=("open", "in_progress", "pending", "resolved", "closed"), default="'open'"
        ),
        "created_at": TIME,
        "customer_name": Expected(max_length=200),
        "customer_email": Expected(max_length=254),
        "customer_phone": Expected(nullable=True, max_length=50),
        "assigned_to": Expected(nullable=True, max_length=200),
        "priority": Expected(values=("low", "medium", "high"), default="'medium'"),
        "category": Expected(max_length=100, default="'general'"),
        "metadata": Expected(type="jsonb", nullable=True, max_bytes=65_536),
    },
    "log_entries": {
        "id": ID,
        "ticket_id": ID,
        "action": Expected(values=("send", "retry", "query")),
        "status": Expected(values=("success", "failed")),
        "timestamp": TIME,
        "response": Expected(type="jsonb", nullable=True),
    },
}

# Columns that this or a later migration adds. The former service cannot have columns of these names.
ADDED = {
    "tickets": ("updated_at", "version", "ops_state", "search"),
    "log_entries": (
        "delivery_id",
        "attempt",
        "duration_ms",
        "actor",
        "request_id",
        "transaction",
        "sequence",
    ),
}

# Tables, indexes and sequences that this or a later migration creates. Relations of other programs
# cannot have these names in the same schema.
CREATED = (
    "api_tokens",
    "api_tokens_digest_key",
    "api_tokens_name_key",
    "api_tokens_pkey",
    "idempotency_keys",
    "idempotency_keys_caller_key_key",
    "idempotency_keys_id_seq",
    "idempotency_keys_of_identity",
    "idempotency_keys_pkey",
    "log_entries_by_timestamp",
    "log_entries_in_order",
    "log_entries_of_delivery",
    "log_entries_of_result",
    "log_entries_of_ticket",
    "log_entries_pkey",
    "log_entries_sequence",
    "ops_deliveries",
    "ops_deliveries_by_created_at",
    "ops_deliveries_due",
    "ops_deliveries_failed",
    "ops_deliveries_of_ticket",
    "ops_deliveries_one_pending",
    "ops_deliveries_pending",
    "ops_deliveries_pkey",
    "ops_deliveries_under_way",
    "schema_compatibility",
    "schema_compatibility_pkey",
    "ticket_events",
    "ticket_events_in_order",
    "ticket_events_of_ticket",
    "ticket_events_pkey",
    "ticket_events_sequence",
    "tickets_by_created_at",
    "tickets_by_priority",
    "tickets_by_status",
    "tickets_by_subject",
    "tickets_by_updated_at",
    "tickets_metadata",
    "tickets_of_assignee",
    "tickets_of_assignee_states_created",
    "tickets_of_assignee_states_updated",
    "tickets_of_category_states_created",
    "tickets_of_category_states_updated",
    "tickets_of_customer",
    "tickets_of_customer_name",
    "tickets_of_states_created",
    "tickets_of_states_updated",
    "tickets_of_status",
    "tickets_pkey",
    "tickets_search",
)
# Functions, as PostgreSQL prints them.
CREATED_FUNCTIONS = (
    "fold_case(text)",
    "fold_letters(text)",
    "jsonb_merge_patch(jsonb,jsonb)",
    "set_ticket_search()",
    "ticket_search_fold(text)",
    "ticket_search_pairs(text)",
    "ticket_search_query(text)",
    "ticket_search_vector(text,text,text,text,text)",
)
# Text search dictionaries and configurations.
CREATED_DICTIONARIES = ("ticket_words",)
