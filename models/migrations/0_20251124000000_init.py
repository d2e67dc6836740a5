"""The first version: the tables of the former service, and all that we add to them.

On an empty database the two old tables are made first, as the former service had
them; on a database of its own they are brought to the same shape. From there on
both go the same way.
"""

from tortoise import BaseDBAsyncClient

from models.migrations import former_service

RUN_IN_TRANSACTION = True

AERICH = """
CREATE TABLE IF NOT EXISTS aerich (
    id serial PRIMARY KEY,
    version varchar(255) NOT NULL,
    app varchar(100) NOT NULL,
    content jsonb NOT NULL
);
"""

TICKETS = r"""
ALTER TABLE tickets
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN ops_state text NOT NULL DEFAULT 'not_sent';

UPDATE tickets SET updated_at = created_at;

ALTER TABLE tickets
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT CURRENT_TIMESTAMP;

-- An address is found whole and by its parts: alice finds alice@example.com.
ALTER TABLE tickets
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        to_tsvector(
            'english'::regconfig,
            subject || ' ' || description || ' ' || customer_name || ' ' || customer_email || ' '
            || translate(customer_email, '@.', '  ') || ' ' || coalesce(customer_phone, '')
        )
    ) STORED;

ALTER TABLE tickets
    ADD CONSTRAINT tickets_id_check CHECK (char_length(id) BETWEEN 1 AND 64),
    ADD CONSTRAINT tickets_subject_check CHECK (char_length(subject) <= 500),
    ADD CONSTRAINT tickets_description_check CHECK (char_length(description) <= 65536),
    ADD CONSTRAINT tickets_status_check
        CHECK (status IN ('open', 'in_progress', 'pending', 'resolved', 'closed')),
    ADD CONSTRAINT tickets_priority_check CHECK (priority IN ('low', 'medium', 'high')),
    ADD CONSTRAINT tickets_category_check CHECK (char_length(category) <= 100),
    ADD CONSTRAINT tickets_customer_name_check CHECK (char_length(customer_name) <= 200),
    ADD CONSTRAINT tickets_customer_email_check CHECK (char_length(customer_email) <= 254),
    ADD CONSTRAINT tickets_customer_phone_check CHECK (char_length(customer_phone) <= 50),
    ADD CONSTRAINT tickets_assigned_to_check CHECK (char_length(assigned_to) <= 200),
    ADD CONSTRAINT tickets_metadata_check CHECK (octet_length(metadata::text) <= 65536),
    ADD CONSTRAINT tickets_created_at_check CHECK (
        created_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'
    ),
    ADD CONSTRAINT tickets_updated_at_check CHECK (
        updated_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'
    ),
    ADD CONSTRAINT tickets_version_check CHECK (version >= 1),
    ADD CONSTRAINT tickets_ops_state_check
        CHECK (ops_state IN ('not_sent', 'pending', 'delivered', 'failed', 'cancelled'));

CREATE INDEX tickets_by_created_at ON tickets (created_at, id);
CREATE INDEX tickets_by_updated_at ON tickets (updated_at, id);
CREATE INDEX tickets_by_subject ON tickets (subject, id);
CREATE INDEX tickets_by_status ON tickets (
    (
        CASE status
            WHEN 'open' THEN 1
            WHEN 'in_progress' THEN 2
            WHEN 'pending' THEN 3
            WHEN 'resolved' THEN 4
            WHEN 'closed' THEN 5
        END
    ),
    id
);
CREATE INDEX tickets_by_priority ON tickets (
    (CASE priority WHEN 'low' THEN 1 WHEN 'medium' THEN 2 WHEN 'high' THEN 3 END),
    id
);
CREATE INDEX tickets_search ON tickets USING gin (search);
"""

LOG_ENTRIES = """
CREATE SEQUENCE log_entries_sequence;

ALTER TABLE log_entries
    ADD COLUMN delivery_id text,
    ADD COLUMN attempt integer,
    ADD COLUMN duration_ms integer,
    ADD COLUMN actor text,
    ADD COLUMN request_id text,
    ADD COLUMN transaction bigint NOT NULL DEFAULT txid_current(),
    ADD COLUMN sequence bigint NOT NULL DEFAULT nextval('log_entries_sequence'),
    ADD CONSTRAINT log_entries_id_check CHECK (char_length(id) BETWEEN 1 AND 64),
    ADD CONSTRAINT log_entries_ticket_id_check CHECK (char_length(ticket_id) BETWEEN 1 AND 64),
    ADD CONSTRAINT log_entries_delivery_id_check
        CHECK (char_length(delivery_id) BETWEEN 1 AND 64),
    ADD CONSTRAINT log_entries_action_check CHECK (action IN ('send', 'retry', 'query')),
    ADD CONSTRAINT log_entries_status_check CHECK (status IN ('success', 'failed')),
    ADD CONSTRAINT log_entries_timestamp_check CHECK (
        timestamp BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'
    ),
    ADD CONSTRAINT log_entries_attempt_check CHECK (attempt >= 1),
    ADD CONSTRAINT log_entries_duration_ms_check CHECK (duration_ms >= 0),
    ADD CONSTRAINT log_entries_actor_check CHECK (char_length(actor) <= 200),
    ADD CONSTRAINT log_entries_request_id_check CHECK (char_length(request_id) <= 128);

ALTER SEQUENCE log_entries_sequence OWNED BY log_entries.sequence;

CREATE INDEX log_entries_in_order ON log_entries (transaction, sequence);
CREATE INDEX log_entries_by_timestamp ON log_entries (timestamp, id);
CREATE INDEX log_entries_of_ticket ON log_entries (ticket_id, timestamp, id);
CREATE INDEX log_entries_of_delivery ON log_entries (delivery_id, timestamp, id);
"""

OPS_DELIVERIES = """
CREATE TABLE ops_deliveries (
    id text PRIMARY KEY
        CONSTRAINT ops_deliveries_id_check CHECK (char_length(id) BETWEEN 1 AND 64),
    ticket_id text NOT NULL
        CONSTRAINT ops_deliveries_ticket_id_check CHECK (char_length(ticket_id) BETWEEN 1 AND 64),
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CONSTRAINT ops_deliveries_state_check
        CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0
        CONSTRAINT ops_deliveries_attempts_check CHECK (attempts >= 0),
    attempts_forgiven integer NOT NULL DEFAULT 0 CONSTRAINT ops_deliveries_attempts_forgiven_check
        CHECK (attempts_forgiven BETWEEN 0 AND attempts),
    reference text
        CONSTRAINT ops_deliveries_reference_check CHECK (char_length(reference) <= 200),
    remote_status text CONSTRAINT ops_deliveries_remote_status_check
        CHECK (remote_status IN ('received', 'in_progress', 'completed', 'rejected')),
    last_error text
        CONSTRAINT ops_deliveries_last_error_check CHECK (char_length(last_error) <= 2000),
    requested_by text
        CONSTRAINT ops_deliveries_requested_by_check CHECK (char_length(requested_by) <= 200),
    request_id text
        CONSTRAINT ops_deliveries_request_id_check CHECK (char_length(request_id) <= 128),
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    next_attempt_at timestamptz CONSTRAINT ops_deliveries_next_attempt_at_check
        CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    lease_until timestamptz,
    delivered_at timestamptz
);

CREATE INDEX ops_deliveries_by_created_at ON ops_deliveries (created_at, id);
CREATE INDEX ops_deliveries_of_ticket ON ops_deliveries (ticket_id, created_at, id);
CREATE INDEX ops_deliveries_due ON ops_deliveries (next_attempt_at) WHERE state = 'pending';
CREATE UNIQUE INDEX ops_deliveries_one_pending ON ops_deliveries (ticket_id)
    WHERE state = 'pending';
"""

TICKET_EVENTS = """
CREATE SEQUENCE ticket_events_sequence;

CREATE TABLE ticket_events (
    id text PRIMARY KEY
        CONSTRAINT ticket_events_id_check CHECK (char_length(id) BETWEEN 1 AND 64),
    ticket_id text NOT NULL
        CONSTRAINT ticket_events_ticket_id_check CHECK (char_length(ticket_id) BETWEEN 1 AND 64),
    type text NOT NULL CONSTRAINT ticket_events_type_check
        CHECK (type IN ('created', 'updated', 'deleted', 'ops_state_changed')),
    at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    actor text CONSTRAINT ticket_events_actor_check CHECK (char_length(actor) <= 200),
    request_id text
        CONSTRAINT ticket_events_request_id_check CHECK (char_length(request_id) <= 128),
    changes jsonb NOT NULL
        CONSTRAINT ticket_events_changes_check CHECK (jsonb_typeof(changes) = 'array'),
    transaction bigint NOT NULL DEFAULT txid_current(),
    sequence bigint NOT NULL DEFAULT nextval('ticket_events_sequence')
);

ALTER SEQUENCE ticket_events_sequence OWNED BY ticket_events.sequence;

CREATE INDEX ticket_events_in_order ON ticket_events (transaction, sequence);
CREATE INDEX ticket_events_of_ticket ON ticket_events (ticket_id, transaction, sequence);
"""

IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    id bigserial PRIMARY KEY,
    caller text NOT NULL
        CONSTRAINT idempotency_keys_caller_check CHECK (char_length(caller) <= 200),
    key text NOT NULL
        CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    fingerprint text NOT NULL
        CONSTRAINT idempotency_keys_fingerprint_check CHECK (char_length(fingerprint) = 64),
    result_id text NOT NULL
        CONSTRAINT idempotency_keys_result_id_check CHECK (char_length(result_id) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (caller, key)
);
"""

API_TOKENS = """
CREATE TABLE api_tokens (
    id text PRIMARY KEY
        CONSTRAINT api_tokens_id_check CHECK (char_length(id) BETWEEN 1 AND 64),
    name text NOT NULL UNIQUE
        CONSTRAINT api_tokens_name_check CHECK (char_length(name) BETWEEN 1 AND 200),
    digest text NOT NULL UNIQUE
        CONSTRAINT api_tokens_digest_check CHECK (char_length(digest) = 64),
    scopes jsonb NOT NULL
        CONSTRAINT api_tokens_scopes_check CHECK (jsonb_typeof(scopes) = 'array'),
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
"""

# RFC 7396, section 2: a member that is null in the patch is removed, an object is
# merged into the member of its name, all else replaces it.
MERGE_PATCH = """
CREATE FUNCTION jsonb_merge_patch(target jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF jsonb_typeof(patch) IS DISTINCT FROM 'object' THEN
        RETURN patch;
    END IF;
    IF jsonb_typeof(target) IS DISTINCT FROM 'object' THEN
        target := '{}';
    END IF;
    RETURN (
        SELECT coalesce(jsonb_object_agg(member.key, member.value), '{}')
        FROM (
            SELECT kept.key, kept.value
            FROM jsonb_each(target) AS kept
            WHERE NOT patch ? kept.key
            UNION ALL
            SELECT
                given.key,
                CASE jsonb_typeof(given.value)
                    WHEN 'object' THEN jsonb_merge_patch(target -> given.key, given.value)
                    ELSE given.value
                END
            FROM jsonb_each(patch) AS given
            WHERE jsonb_typeof(given.value) <> 'null'
        ) AS member
    );
END
$$;
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL; raises AdoptionRefused where a row has a value that has no place."""
    return "".join(
        (
            AERICH,
            await former_service.adopt(db),
            TICKETS,
            LOG_ENTRIES,
            OPS_DELIVERIES,
            TICKET_EVENTS,
            IDEMPOTENCY_KEYS,
            API_TOKENS,
            MERGE_PATCH,
        )
    )


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001  # aerich hands it in
    """Return the SQL that leaves the two tables of the former service with all their rows."""
    return """
DROP FUNCTION jsonb_merge_patch(jsonb, jsonb);
DROP TABLE ops_deliveries, ticket_events, idempotency_keys, api_tokens;

DROP INDEX tickets_by_created_at, tickets_by_status, tickets_by_priority, tickets_by_subject;
DROP INDEX log_entries_by_timestamp, log_entries_of_ticket;

ALTER TABLE tickets
    DROP COLUMN updated_at,
    DROP COLUMN version,
    DROP COLUMN ops_state,
    DROP COLUMN search,
    DROP CONSTRAINT tickets_id_check,
    DROP CONSTRAINT tickets_subject_check,
    DROP CONSTRAINT tickets_description_check,
    DROP CONSTRAINT tickets_status_check,
    DROP CONSTRAINT tickets_priority_check,
    DROP CONSTRAINT tickets_category_check,
    DROP CONSTRAINT tickets_customer_name_check,
    DROP CONSTRAINT tickets_customer_email_check,
    DROP CONSTRAINT tickets_customer_phone_check,
    DROP CONSTRAINT tickets_assigned_to_check,
    DROP CONSTRAINT tickets_metadata_check,
    DROP CONSTRAINT tickets_created_at_check;

ALTER TABLE log_entries
    DROP COLUMN delivery_id,
    DROP COLUMN attempt,
    DROP COLUMN duration_ms,
    DROP COLUMN actor,
    DROP COLUMN request_id,
    DROP COLUMN transaction,
    DROP COLUMN sequence,
    DROP CONSTRAINT log_entries_id_check,
    DROP CONSTRAINT log_entries_ticket_id_check,
    DROP CONSTRAINT log_entries_action_check,
    DROP CONSTRAINT log_entries_status_check,
    DROP CONSTRAINT log_entries_timestamp_check;
"""


MODELS_STATE = (
    "eJztXW1T4zgS/isqfwGqWAoCAWb37qoyM9wNezuwNaR2t3bZchRbSXTYkseSgdTc/PdtyX"
    "b8HmInMCbrTxBJLSlPy3L302rli+FymzjiYODRIb8jzPgefTEYdgn8U6jbRwb2vKRGFUg8"
    "dnRj7FFTqma6GI+F9LEloWaCHUGgyCbC8qknKVejGANk+cQmTFLsID5BGKlhbWRhxyH+D0"
    "jOCBIE2khEpSDOBFGB7ogn0XiOGEecQaecOXNVjW4+DL7r9U8P1Ng2t2BwyqbPO0zA6OeA"
    "wHeeEujEh8H++BOKKbPJIxHxR+/OnFDi2Blgqa060OWmnHu6bEge5TvuBK7G2R6bVvhh0d"
    "ybyxlni/bwFVXplDDiY0nsFNIscJxILXFROFkokH5AFrO0kwKbTHDgKH0Z/5gEzFJqQtEC"
    "CGciDhh5MKn9r2h+KQnTvLoemjcXQ9M0CppWs8lpJSqyOFOrhDIpNDwufjQdwqZyBh9PT7"
    "6G4yQwha00WBe/DdVIHNZYuPyufhl8evdh8Km3e3qyZ3zVsljiUFprI4Ff/62jgFjgpVQQ"
    "Q/bsIPcODxuiDJIhzAmsNp0SIWsBm4hsHbRrr98EWGFxJVwA9seb66t/680lj2sikcPVpp"
    "ZE/0cODVGvi29ckACc7O4vgPASRBUWqmdXiM9OGtDdj4Pf9nJYv/vp+q0Ghws59XUvuoO3"
    "OeDhtaDAMXHJqn4PNZK6pFwBWcm8EiLRg/ifF1XFFX/Y3XseJQwvP17cDAcff85o4v1geK"
    "Fqerp0nivdPc1pZ9EJ+vVy+AGpj+j366uLvMIW7Ya/G2pOOJDcZPzBxHYajbg4LsoomDx6"
    "FLproOCs5AYUHO1Ur+BRe3VadrCQZiAaPch52U7Tbda0T+7BBWmi56xkp+W2aVn5UpO7lD"
    "mvCsbYunvAvm0WaniPV7UtVrk9N1+CGZ5qJSk01TwjV+jSJq7HJWHW/L9kbpR4y7kW+8t8"
    "Zpq0Ne/IfEXP+ZoR8FDn4LpiCf5s6MmiKb4n6IHKGRS5gcSq9T7CzEYPqp3yc+Ni5GKbFF"
    "3lDfZb4hv/YYQdqmoYxfhzHWf5LZ1eMln+JJd6y/AY5J/Z6AFtrzsxVVP47k2vd3x81js8"
    "Pj3vn5yd9c8Pz6Gtnm+x6mzJY/728j+XVzmvQxUs95UTpa3s1CUim3HqvvHO+Ywe8124Qa"
    "yMbNR+G2Ht95vC2u/nYZ3AuMT3/OihXxnenNwWwrxBUgLe5zBRsyaVmZHqAF4GcEc+dGbs"
    "c5mxP/HpBZN+qQG7qFtqujp8ahJoRkkNq9XirgtryAqtRW1UXv98sx/GWyYcjE3O7XLDdD"
    "XRW3bLRiNJrTuiNpnRSEVzGFcNCJ0yZd5+j2DqAvFAOhQs27CtOEBDMGS5b4PFyyfaqp0Q"
    "YoP4LduFb8YEtkLLVxB4BJhF9sAIFuFERkPdycU9ADJaMTb0xUhUZaQGUNLxEIaSIY8erD"
    "kBVQu1LniNRAcmZaaevVZS9KgbWhw61x/05pIeFJ59IbHrqWawIdcYbDw3M9KrDhipRYs0"
    "H51PzLCr1YeG5QvK9ucbGTzubMnwXeSvnZG/zBJcWQsZqc5oWWa05B601QOBWblGILeMcX"
    "s2jJMXRRbeCxa4FfAmIm1evkb+zb8KsE39xoLXCC8EGZREWZfAmohsHazLmKRlsJ7lYc28"
    "a+t4MRnBzolpkROTowE8+HYl52mqTyekZdY6n9CyHf+ljydgKYnrldADldx4SuJpgrz9gE"
    "cUee/o5Ozk/Pj0ZMGML0qWbWMx+Z2yXgJf+5emW/IeqAQ1J9UBWwQW7A9eL4iwkNg+U3Cj"
    "IQRfcQWiAQ+bFts+jI965w0xBsmCCZOlZ1YPReYEG+0MmzNbbj4778NPuzvykdqmFfg+YX"
    "J3b2cda+Yl45Qpaz3myGopJC3VHm3cGgye1Hvs7O6kqaZ4sjt7t8brUFBL2O1rT7yPOboS"
    "gjtdvb+M4+aeiMm+WjR3SCNLjsZKLwhHJLMq0Zx1eJrCcXRKQWSSiXLau1lXiga/hAKqCG"
    "xNZqdOmiRnPKAHJAiJ26u2loOpSo8YzxEsIKHGHI3ifkcjfe5DECnDCodgQcyASeqMRj+g"
    "hxkngNUt84kFE4cJMcWzW9wlyOZEIMHDVIqHGXVItmMYW0A3jp4teNxj9bXVJKm8ZfGsdk"
    "NePmTfoTPdgANMMDJywFrWMOhZIWuG2ZQo9l/OYLZNaPlsHO1pnji7XhRLnu2hAU2+5hQa"
    "UOVqKzIjxahh6w1oB6RyKPTrh4tPF0iRJgT9E+14hNmgmZ2OLu/o8ud6y7YS8ARgD88djk"
    "vgrSZPUiJdbsca5InehmqzvRtMA1sFbyPaI2vuJI0Y3zcNV/WbQnwieqvX56Wa8yeN0D3M"
    "o3q4tpG9OcYkQsSccH8Kb9cSz/NJNDOyHayG5j0mxC/3G5eyJSmp7SNLNkxIueBnmA2iaQ"
    "XJFiPdaIc9OmrKSR3lUdZpScT3a7KqWbEW49t8Ja+xlKvIVfC/xvUOaucFtxLpjsR+TSR2"
    "d5x4yyPxeeKmppZLxLssyDbrO0W+1tV1TrTTc5v1HLGrjbbuvGyn6bZpuiUhszCDwSiJlg"
    "0X8YPqQFmURLFahGyArEBI7hJ/R6DIhNtHE5+7OnrDPcJUdEly/dFyuIjDN/mLvRp288xR"
    "oAiMpuGfwLObDpcVXW04EYz/R6z6Y6XkuhyIFsYYqoM6Kc2trIOUzBYGdPqNfdl+yS1oqR"
    "nVgTgnt4Uwn/b7x6dNl7WSfaUn9g31LipuG4vSVhGLnk+5T2UJ3bUE1bTQC+LqEpsGbhHZ"
    "VPn62DZesQUCBr7+lPv1iMS00AsiG3bqFKFNV2yE4mq89R4Vt97YIDRrX/BZkNzC7XejjO"
    "0CMOLiMv5hFawXotsIdr+pAQeSlWB7AFPDhb0Q3T6avN/ceiscXQC/Z8rAhZK8Fsw5ue3D"
    "eKObh0skVu5JEeLqY09pmS5nrLvStgsDVdDFWRKojoKzkp2CW6rge+KLUnKh8jxYSuLlTo"
    "Ed5ZV4tMa7aMOnwNSh9frnPzNSL+iMMS5NQUJNZR+LTM03PgHaqkCGvorJqIxmhNX7T4c0"
    "TKJa1rnhSmedhD80Enaxjx58KiVhiDKd3JJKCgyvmsIyEqu4+WqtLlVqT3K1FRWo4jarAz"
    "RMyoW+botKlb2jOtTCOuMGq+QenL8la6qSe3RmT+CpiIuq4A7AI5EfMB2HAe/jlu2ORjrx"
    "UDDsiRks3keXstFobx8xlTikso6U6IxOZ0o2npxKUmIHaKC/tsoLwndE3DL9zTUgOwJh+5"
    "4K7s+Rw607NCbqxi8d+UljM8NC/QCMzi5KEoig6S1TWURxbtUMYFrgJdP3goWwiBe84yuz"
    "Dhvd8pW+dGsTc1glp6iL/bQz9tMl9DxzQo+GpY5REQu0GdZmMYmmNwgdFa4Qqu/KdC5Mq1"
    "2Y7jqQ7iT1Kz5JHWaW12EvUyJd0uYa7GV3E0s7Lvr4G9zEknV6urtYGvIxA+JTa2aUUDFR"
    "zf7SH5VN2jxFv1SrYMM/1Pp3+eGZNdnWaie0ksB+N8N+XQa7VY5S48MCyy6xjV+b+odOqi"
    "zB4o+gqIeqBsJR8y1Ed/kRoxhdfZyoygYsOf/CmSRlPy+zxAZMRDobsKYN+E1fZl//AoM0"
    "Nmg="
)
