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
ALTER TABLE log_entries
    ADD COLUMN delivery_id text,
    ADD COLUMN attempt integer,
    ADD COLUMN duration_ms integer,
    ADD COLUMN actor text,
    ADD COLUMN request_id text,
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
    DROP CONSTRAINT log_entries_id_check,
    DROP CONSTRAINT log_entries_ticket_id_check,
    DROP CONSTRAINT log_entries_action_check,
    DROP CONSTRAINT log_entries_status_check,
    DROP CONSTRAINT log_entries_timestamp_check;
"""


MODELS_STATE = (
    "eJztXV1z2zYW/SsYvtieUT22YtlOu7szSuLduNvYnVjTdlp3KIiEJKxJgCFA25ps/ntxQV"
    "L8lkVKdhiVT7YAHAA8FwRxzwXIz4bLbeKIw6FHR/yOMON79Nlg2CXqn0JeDxnY85IcSJB4"
    "4ujC2KOmhGI6GU+E9LElVc4UO4KoJJsIy6eepBxaMYbI8olNmKTYQXyKMIJmbWRhxyH+D0"
    "jOCRJElZGISkGcKaIC3RFPoskCMY44U5Vy5iwgG928H37XH5weQts2t1TjlM2et5mA0U8B"
    "Udc8I6oSXzX2x58qmTKbPBIR//TuzCkljp0hltpQgU435cLTaSPyKN9yJ3A1z/bEtMIfy+"
    "LeQs45W5ZXlwipM8KIjyWxU0yzwHEis8RJYWdVgvQDsuylnSTYZIoDB+xl/GMaMAvMhKIB"
    "EPZEHDLyYFL7X1H/UgjTvLoemTcXI9M0CpaG3uSsEiVZnMEooUwKTY+LH02HsJmcq5+nJ1"
    "/CdhKawlKarIvfRtASV2MsHH5Xvww/vn0//NjfPz05ML5oLJY4RGtrJPTrv3UMEANeygQx"
    "Zc9Ocv/oqCHLChnSnNBq0xkRshaxCWTnqN14/CbECosDuEDsjzfXV//Wk0ue1wSR49Wmlk"
    "T/Rw4NWa/Lb5yQEJzM7i/A8ApGgQuo2RXik5MmdP/D8LeDHNdvf7p+o8nhQs58XYuu4E2O"
    "ePVYAHJMXDKq36kcSV1SboAsMm+ECHoY//OiprjiD/sHz2OE0eWHi5vR8MPPGUu8G44uIK"
    "evUxe51P3TnHWWlaBfL0fvEfxEv19fXeQNtiw3+t2APuFAcpPxBxPbaTbi5DgpY2Dy6FFV"
    "XQMDZ5FbMHA0U30Dt9o3Z2UHC2kGotGNnMd2lm6zpX1yr1yQJnbOIjsrt83K4EtN71LLeU"
    "iYYOvuAfu2WcjhfV5Vtpjl9t18CmZ4po0EbEI/I1fo0iauxyVh1uK/ZGGUeMu5Er1VPjNN"
    "ypp3ZLGm53zNiPJQF8p1xVL5s6Eni2b4nqAHKucqyQ0khtI9hJmNHqAc+LlxMnKxTYqu8h"
    "brLfGN/zDCCiFbtWL8uYmz/IbOLpksv5NLvWV1G+Tv2egGba87MYMufPe633/16qx/9Or0"
    "fHBydjY4PzpXZXV/i1lnK27zN5f/ubzKeR2QsNpXToy2tlOXQLbj1H3lmfMZPea7cIJYm9"
    "mo/C7SOhg0pXUwyNM6Ve0S3/Ojm35tenO4HaR5i6KEep6rjpo1pcwMqiN4FcGd+NAtY59r"
    "GfsTn10w6ZcuYJd5K5euDp+ZRBWjpMaq1eKuq8aQFa4W9aLy+uebXhhvmXK12OTcLl+Yrg"
    "e9ZbdsPJbUuiMwyYzHEM1hHAoQOmOwvP0eqa4LxAPpULWyDcuKNSM6n42EYANuHiGx6wFW"
    "zWhQljx6aoQI1celEZYqRMKYOVmYGXR8cxq6CsWk/qGng0yD0XVpSPPW+dQMq1q/aWV/xZ"
    "a/2ErjcWUrmu9CZ+0MnWWG4NpWyKC6p/6qp37uRls/kpbFNSK5ZZLVs3GM9S1apPeCBW4F"
    "vQmkzcPXyD861yG2qeNVcLvUA0EGJWHKFbQmkJ2jdZUUs4rWszytmWdtHTcgA+y8gBZ5AT"
    "k/2lNXV7IhpTq8n8ZsFOBv2Yz/0vF9LCVxvRL/ulJcTiGeVpjbT3ikMfePT85Ozl+dniyl"
    "5WXKqmksVo9Tq5fA1w6a6ZY8BypJzaE6YovEqvUHr6fCLxG7txTcqgbvE3WFooGQmYbtHs"
    "fH/fOGHCskcNwSpevaE+9iuaFE7Epn91bpXdwTsW5RS/Livk18JDmaAPkIR4ITpGj9Koys"
    "Oo7eXhw9XUS5BNasKpDELlUCtUELg3BtKuqcxHtVDUgQEpeHspaDKWyVniyQGiUC2hyP43"
    "rHYx0DFkTKMMMhWBAzYJI64/EP6GHOieLqlvnEUh1XHWKguVncJcjmRCDBw23VD3PqkGzF"
    "qm2hqnF0b5XzMIHLhk5SecviXu1D5lRdBDnoQWW6AFc0qZaRox78mgbdK2TNMZsRUALlXP"
    "W2idiX1dSflryy4wUEv2wNDRS/DbvQQPVjKsuMDAPN1mvQDkhlU+jX9xcfLxD4fwT9E+15"
    "hNnKMnud8tcpf08Yo1WPyS2qUh5eOByX0FvtB6Yg3T7vDfxAPQ3VFq62eCRkHb6NaI6sOZ"
    "M0Eq9eNxzVrwtSa/RUr+9iN3cFG7F7lGf1aIMpYtvOX8SIOeX+TD1dS6TrJ9nMYDtaDe3C"
    "TYkPC8iajl8KtXt+35Z9a1f5GWaDwEAB2WKmG82wx8dN3evjPMv6iALx/ZoCURbWYn6bj+"
    "QNhnKVTqT8r0m9TZt54E4y3elxbdfjuq2Ff6OgYl64qWnlEnh3IqrN9k6Jr3VtnYN2dm6z"
    "nSN1tdHUncd2lm6bpVsSMhuFUYKSaNloGT+oDpRFG6rXi5ANkRUIyV3i7wkULeF6aOpzV0"
    "dvuEcYRJck1z8th4s4fJN/yU/Dap45ChSR0TT8E3h20+ay0PWaE8Hkf8Sq31YK123nbmGM"
    "oTqok7Lc2jZIYXYwoDNo7MsOSt6IlOpRHYpzuB2k+XQweHXadFgD9hvdfGzAs6g4bSxTWy"
    "Usej7lPpUlctcKVtOgF+TVJTYN3CKzqfTNuW08YgsCjLr8GffrCYlp0AsyG1bqFKlNZ2xF"
    "4mo89R4Xp954QWjWftlfAbmD0+9WFdslYcTFZfrDOlwvobtI9qDpAk4hK8n2FE0NB/YSun"
    "sy+aD56q2wdUH5PTOmXCjJa9Gcw+0ex1udPFwiMbgnRYqrtz2lMd3xl+71ll0YqEIuzopA"
    "dQycRXYGbqmB74kvSsWFyv1gKcTL7QI7zhvxeINn0ZZ3gcGm9fr7PzOoF3TGGJemIKGlsr"
    "dFJucr7wBtVSDj4h5YqYxmhNm9p0MaJoGSdd52o0+dhB8dCKvooQefSkkYokwfblG1MBG+"
    "WwDK6TMsIaziLTgbVQlHe0bz+CARFWg/VbiHBARO4DzNIRol6UK/eodKOL0DFWqwPnGD4X"
    "APhqp0O3Aah9hoBod79MmewIOIC2RwR9EjkR8wHYdR3sct2x+P5SO1TcGwJ+Zq8D66lI3H"
    "Bz3E4OAQnDoC6JzO5oCNOweHlNghGurLhnNB+I6IW6avXBOyJxC276ng/gI53LpDEwJv/9"
    "GRnzQ3cyzgYxD6dFFygEgVvWVwiig+WzVXNC35kkvy1BWHtDR7c1DSD0DH17ZeyCUahyZl"
    "pu7L+vGd7PuDttGHdc4UdbGfdsZ+ugM9z3ygR9NSZ1ERA9pMa7OYRNOXoRwX3oZS35XpXJ"
    "hWuzDdmw26ndTf8E7q8GR5HfUyBekObW6gXuYWsFn6V70gPgd8ORmklPybT8678Nf+nnaI"
    "rMD31eJ6/2Bvk0fES749PrULI/YiahkkjWqPNW71Nvh77Ci7ZJyeuLt7B7fGt2GilugxQ+"
    "JTa26USDFRTm/lByaTMk/JL9Um2PJHG/8uH6HYUG2tdkIrBey3c+zXVbBb5Sg13iyw6n2c"
    "8WNTf/SgaiVY/CAC3FQ1GI6K7yC7q7cYxezq7URVa8CS/S+cSVL2qYkVa8AE0q0Ba64Bv+"
    "rD7Mtf++T1xQ=="
)
