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

-- Both in one rewrite of the table, which leaves no dead rows behind: a row of before was
-- last updated when it was made, and an address is found whole, by what is before and after
-- the @, and by each word of it (alice.smith, example.com and smith find
-- alice.smith@example.com).
ALTER TABLE tickets
    ALTER COLUMN updated_at TYPE timestamptz USING created_at,
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        to_tsvector(
            'english'::regconfig,
            subject || ' ' || description || ' ' || customer_name || ' '
            || customer_email || ' ' || translate(customer_email, '@', ' ') || ' '
            || translate(customer_email, '@.', '  ') || ' ' || coalesce(customer_phone, '')
        )
    ) STORED;

ALTER TABLE tickets
    ALTER COLUMN updated_at SET NOT NULL,
    ALTER COLUMN updated_at SET DEFAULT CURRENT_TIMESTAMP,
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
CREATE INDEX tickets_of_status ON tickets (status, created_at, id);
CREATE INDEX tickets_of_assignee ON tickets (assigned_to, created_at, id);
CREATE INDEX tickets_of_customer ON tickets (customer_email, created_at, id);
CREATE INDEX tickets_metadata ON tickets USING gin (metadata jsonb_path_ops);
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
-- Attempts under way, also those whose delivery was cancelled meanwhile.
CREATE INDEX ops_deliveries_under_way ON ops_deliveries (lease_until)
    WHERE lease_until IS NOT NULL;
CREATE INDEX ops_deliveries_failed ON ops_deliveries (created_at, id) WHERE state = 'failed';
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

DROP INDEX
    tickets_by_created_at,
    tickets_by_subject,
    tickets_by_status,
    tickets_by_priority,
    tickets_of_status,
    tickets_of_assignee,
    tickets_of_customer,
    tickets_metadata;
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
    "eJztXW1z2zYS/isYfrE943psxbKT9u5mlMR3ca+xO7Hm2mndoSASknAmAYYAbWty+e+3AE"
    "nxXSEp2aVVfrIFYAHoWRDcfRYLfTFcbhNHHI08OuZ3hBnfoy8Gwy6Bfwp1h8jAnpfUqAKJ"
    "p45ujD1qStVMF+OpkD62JNTMsCMIFNlEWD71JOVqFGOELJ/YhEmKHcRnCCM1rI0s7DjE/w"
    "HJBUGCQBuJqBTEmSEq0B3xJJouEeOIM+iUM2epqtHNh9F3g+HZkRrb5hYMTtn8aYcJGP0c"
    "EPjOcwKd+DDY739AMWU2eSQi/ujdmTNKHDsDLLVVB7rclEtPl43Jo3zHncDVONtT0wo/rJ"
    "p7S7ngbNUevqIqnRNGfCyJnUKaBY4TqSUuCicLBdIPyGqWdlJgkxkOHKUv42+zgFlKTSha"
    "AOFMxBEjDya1/xHNLyVhmlfXY/PmYmyaRkHTajY5rURFFmdqlVAmhYbHxY+mQ9hcLuDj2e"
    "nXcJwEprCVBuvi17EaicMaC5ff1X9Gn959GH0a7J+dHhhftSyWOJTW2kjg13+bKCAWeC4V"
    "xJA9OciD4+OWKINkCHMCq03nRMhGwCYiOwftxus3AVZYXAkXgP3x5vrqn3pzyeOaSORwta"
    "kl0f+QQ0PUm+IbFyQAJ7v7MyC8BlGFherZFeKzkwZ0/+Po14Mc1u9+un6rweFCzn3di+7g"
    "bQ54eC0ocExcsqrfQ42kLilXQFYyr4RI9Cj+51lVccUf9g+eRgnjy48XN+PRx58zmng/Gl"
    "+omoEuXeZK989y2ll1gn65HH9A6iP67frqIq+wVbvxb4aaEw4kNxl/MLGdRiMujosyCiaP"
    "HoXuWig4K7kFBUc71Qt41F6clh0spBmIVg9yXrbXdJc17ZN7cEHa6Dkr2Wu5a1pWvtTsLm"
    "XOq4Iptu4esG+bhRo+4FVti1XuwM2XYIbnWkkKTTXPyBW6tInrcUmYtfw3WRol3nKuxeE6"
    "n5kmbc07sqzpOV8zAh7qElxXLMGfDT1ZNMf3BD1QuYAiN5BYtT5EmNnoQbVTfm5cjFxsk6"
    "KrvMV+S3zj342wQ1UNoxh/bOIsv6XzSybLn+RSbxkeg/wzGz2g3XUn5moK370ZDF69Oh8c"
    "vzp7PTw9Px++Pn4NbfV8i1Xnax7zt5f/urzKeR2qYL2vnCittlOXiGzHqfuTd84n9Jjvwg"
    "2iNrJR+12EdThsC+twmId1BuMS3/Ojh742vDm5HYR5i6QEvM9homZDKjMj1QO8DuCefOjN"
    "2KcyY3/i8wsm/VIDdlW31nR1+Nwk0IySBlarxV0X1pAVWovaqLz++eYwjLfMOBibnNvlhm"
    "k90Vt2yyYTSa07ojaZyURFcxhXDQidM2Xefo9g6gLxQDoULNuwrThCYzBkuW+Dxctn2qqd"
    "EWKD+C3bh2/GBLZCy1cQeASYRQ7ACBbhRCZj3cnFPQAyqRkb+mIkqjJSAyjpeAhDyZBHD9"
    "acgKqVWle8RqIDkzJTz14rKXrUDS0OnesPenNJDwrPvpDY9VQz2JAbDDZdmhnpugNGatEi"
    "7UfnMzPsqv7QsHxB2f5yK4PHna0Zvo/8dTPyl1mCtbWQkeqNlnVGS+5Bqx8IzMq1ArljjN"
    "uTYZy8KLLwXrDArYA3Eeny8jXyb/46wLb1GwteI7wQZFASZV0DayKyc7CuY5LWwXqehzXz"
    "rm3ixWQEeyemQ05Mjgbw4NuVnKepPp2QltnofELHdvznPp6ApSSuV0IPVHLjKYlvE+TdBz"
    "yiyAcnp+enr1+dna6Y8VXJum0sJr9T1kvga//SdEveA5Wg5qR6YIvAgv3BmwURVhK7Zwpu"
    "NYTgK65AtOBh02K7h/HJ4HVLjEGyYMJk6Zn6ocicYKudYXtmy81n5334aX9PPlLbtALfJ0"
    "zuH+xtYs08Z5wyZa3HHFkjhaSluqONW4PBk3qPnf29NNUUT3bv4NZ4GQrqCLt97Yn3MUdX"
    "QnCnqw/XcdzcEzHZ14jmDmlkydFU6QXhiGRWJZqzDk9TOI5OKYhMMlFOe7frStHgl1BAFY"
    "GtyezUSZPkjAf0gAQhcXvV1nIwVekR0yWCBSTUmJNJ3O9kos99CCJlWOEQLIgZMEmdyeQH"
    "9LDgBLC6ZT6xYOIwIaZ4dou7BNmcCCR4mErxsKAOyXYMYwvoxtGzBY97qr62miSVtyye1X"
    "7Iy4fsO3SmG3CACUZGDljLGgY9K2QtMJsTxf7LBcy2DS2fjaN9myfOrhfFkmd7aEGTbziF"
    "FlT5hiPOMKjWrhwO/fLh4tMFUsQJQX9He2HzvcIs1IZoRstDTaXZJOyA1J6BR5gN62OvJ+"
    "170v6p3vWdBDwB2MNLh+MSeKspnJRIn2GyAYWjt6HGnPMWk9Hq4G1Ee2TDnaQV7/ym5ap+"
    "U4iSRLZFc3asPYvTCt3jPKrHG5v62+NtIkTMGffn8HYt8X+/iWZGtofV0OzLjPjl3utazi"
    "YltXuUzZZpMRe8HbNFTK8g2WGkW+2wJydtmbGTPMo6OYr4fkNuNyvWYXzbr+QNlnIVxQs+"
    "2bTZcfG84E4i3VPpL4lK7w817/h5gDxx01DLJeJ9LmaX9Z2igJvqOifa67nLeo7Y1VZbd1"
    "6213TXNN2RwF2YR2GUxOzGqyhGdbguSuWoF6cbISsQkrvE3xMoMuEO0cznro4hcY8wFeOS"
    "XH+0HC7iIFL+erGW3TxxLCoCo20QKvDstsNlResNJ4Lpf4nVfKyUXM2BVm59W0D5LMUN1B"
    "sUQ49zBmNJvuHIUU/V0a1iOC9aniZxcfie3WD4uLM1w/dBtG4G0VJPSm0dpGR2MIA2bM0d"
    "DEvuvkvNqAnEObkdhPlsOHx11nZZK9kXmqdhqHd/cdtYlXaKyPV8yn0qS+jFNaimhZ4RV5"
    "fYNHCLyKbKN8e29YotEF7w9efcb0bcpoWeEdmwU6cIbbpiK5Ri6633pLj1riycxte6FiR3"
    "cPvdKkNeNCabY70S3UWwh20NOJCsBNsDmFou7JXo7oUlhu2tt8JRkax/Vj9HJSu3exhvdf"
    "NwicTKPSlCXH3MLC3TZwr2Fxn3YbcKej5LujVRcFayV3BHFXxPfFFKLlSev0tJPN+pu5O8"
    "Ek82eBdt+dSdShJoft42I/WMzhjj0hQk1FT2scjU/MknbjsVONIXcBmV0aOw+vDbISSTqJ"
    "ZN7jXTuUbhz8uEXRyiB59KSRiiTKc0pVJBwwvGsIzEKu4726hLldCVXGhGBaq4w+wIjZNy"
    "oS9Zo1LlbKkOtbDOs8IqpQvn70abq5Qunc8VeCrCpSq4A/BI5AdMx73A+7hl+5OJTjcVDH"
    "tiAYv30aVsMjk4REyli6lcMyW6oPOFko0np1LT2BEa6a+tssHwHRG3TH9zDcieQNi+p4L7"
    "S+Rw6w5NibrnTUfa0tgssFA/+6NzypK0MWh6y1TuWJxRtwCYVnjJ9G1wISziGW92y6zDVn"
    "e7pa9a28Yc6mSS9bGfbsZ++gSqJ06g0rA0MSpigS7D2i4m0fbeqJPCxVHNXZnehem0C9Nf"
    "AtOfXH/BJ9fD+wSasJcpkT5JdgP2sr9/pxvXu/wF7t/JOj39DTwt+ZgR8am1MEqomKjmcO"
    "1PCSdtvkW/VKtgyz/P+1f5uaEN2dZqJ7SSwH63wH5TBrtTjlLrwwLrri6OX5v6522qLMHi"
    "T9+oh6oBwlHzHUR3/RGjGF19nKjKBiw5/8KZJGU/KrTGBkxEehuwoQ34p77Mvv4fQ+TUpQ"
    "=="
)
