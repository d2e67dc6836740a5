"""First version of the schema: the tables of the former service, and everything added to them.

On an empty database the two former tables are created first. On a database of the former
service they are converted to the same form. The remaining steps are the same for both.
"""

from tortoise import BaseDBAsyncClient

from models.migrations import legacy
from models.migrations.compatibility import Description

DESCRIPTION = Description(
    oldest_code=0,
    note="Creates the tables, or adopts those of the former service, which must be stopped.",
)
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

-- Both changes rewrite the table in one pass, without dead rows. Existing tickets were last
-- updated when they were created. An email address is indexed as a whole, by the parts before and
-- after the @, and by each word (alice.smith, example.com and smith find
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
-- Pending deliveries. The condition is not on the state, which has another index: with outdated
-- statistics PostgreSQL would use that one, and sort all pending deliveries.
CREATE INDEX ops_deliveries_due ON ops_deliveries (next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
-- Running attempts, including those of deliveries that were cancelled meanwhile.
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
# merged into the member with its name, any other value replaces the member.
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
    """Run the SQL, except for the last part, which it returns.

    Raise AdoptionRefused if the former tables cannot be converted, or cannot be used afterwards.
    """
    adoption = await legacy.adopt(db)
    await db.execute_script(f"{AERICH}{adoption.script}{TICKETS}{LOG_ENTRIES}")
    if adoption.has_tables:
        await legacy.rehearse(db)
    return f"{OPS_DELIVERIES}{TICKET_EVENTS}{IDEMPOTENCY_KEYS}{API_TOKENS}{MERGE_PATCH}"


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that restores the two tables of the former service, with all rows."""
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
    "eJztXf9T4zYW/1c0/oUwQxkIBNj27mayu9wtvS50lkzbaek4iq0kOmzJa8lAZm//90qyHX8Pth"
    "KyJvVPEElPUj5Plt/7PD3li+FSGznscOjhEb1HxPgefDEIdJH4p1B3AAzoeUmNLOBw4qjG0MMm"
    "l81UMZww7kOLi5opdBgSRTZilo89jqkcxRgCy0c2IhxDB9ApgEAOawMLOg7yfwB8jgBDog0HmD"
    "PkTAFm4B55HEwWgFBAieiUEmchq8Hth+F3/cHZoRzbppYYHJPZyw4TEPw5QOI7z5DoxBeD/fGn"
    "KMbERk+IxR+9e3OKkWNngMW27ECVm3zhqbIReuLvqBO4Cmd7Ylrhh2Vzb8HnlCzbi68oS2eIIB"
    "9yZKeQJoHjRGqJi8LJigLuB2g5SzspsNEUBo7Ul/GPaUAsqSYQLYBwJuyQoEcT2/+K5peSMM3r"
    "m5F5ezkyTaOgaTmbnFaiIosSuUow4UzB48In00Fkxufi49np13CcBKawlQLr8reRHImKNRYuv+"
    "tfhp/efRh+6vfOTveNr0oWchhKK20k8Ku/TRQQC2xLBTFkLw5y/+hIE2UhGcKcwGrjGWK8EbCJ"
    "yM5Bu/b6TYBlFpXCBWB/vL25/rfaXPK4JhI5XG1scfB/4OAQ9ab4xgUJwMnuvgWEVyAqsZA9u4"
    "x9dtKA9j4Of9vPYf3up5u3ChzK+MxXvagO3uaAF68FCY4JS1b1e1HDsYvKFZCVzCshEj2M/9mq"
    "Kq7pY2//ZZQwuvp4eTsafvw5o4n3w9GlrOmr0kWutHeW086yE/Dr1egDkB/B7zfXl3mFLduNfj"
    "fknGDAqUnoowntNBpxcVyUUTB68rDoTkPBWckNKDjaqV7Bo/bqtOxAxs2AaT3IedlO023WtI8e"
    "hAuio+esZKfltmlZ+lLT+5Q5Lwsm0Lp/hL5tFmpon1a1LVa5fTdfAgmcKSVJNOU8I1foykauRz"
    "ki1uK/aGGUeMu5FgerfGactDXv0aKm53xDkPBQF8J1hVz4s6EnC2bwAYFHzOeiyA04lK0PACQ2"
    "eJTtpJ8bFwMX2qjoKm+w3xLf+A8j7FBWi1GMP9dxlt/i2RXh5U9yqbcsHoP8Mxs9oO11J2ZyCt"
    "+96fdPTs77RydnF4PT8/PBxdGFaKvmW6w6X/GYv736z9V1zuuQBat95URptZ26RGQzTt033jlf"
    "0GO+DzeI2shG7XcR1sFAF9bBIA/rVIyLfM+PHvra8ObkdhDmDZIS4n0uJmo2pDIzUh3AqwDuyI"
    "fOjH0pM/YnOrsk3C81YJd1K01Xh85MJJph1MBqtajrijVkhdaiMipvfr49COMtUyqMTUrtcsO0"
    "nugduSPjMcfWPZKbzHgsozmEygYIz4g0b78HYuoM0IA7WFi2YVt2CEbCkKW+LSxeOlVW7RQhW4"
    "jfkZ74ZoRBK7R8GRKPALHQvjCCWTiR8Uh1cvkgABnXjA19MRJVGakBpHQ8hCFl0JMn1hwTVUu1"
    "LnmNRAcmJqaavVJS9KgbSlx0rj6ozSU9qHj2GYeuJ5uJDbnBYJOFmZGuO2CkFiWiPzqdmmFX9Y"
    "cWy1co219sZPC4sxXDd5G/dkb+MkuwthYyUp3RsspoyT1o9QOBWTktkFvGuL0YxsmLIgvvJQnc"
    "CngTkTYvXyP/5q8DrK7fWPAaxQuBByVR1hWwJiI7B+sqJmkVrOd5WDPv2iZeTEawc2Ja5MTkaA"
    "BPfLuS8zTVpxPSMmudT2jZjr/t4wmQc+R6JfRAJTeeknieIG8/4BFF3j8+PT+9ODk7XTLjy5JV"
    "21hMfqesl8BX/qXplrwHKkHNSXXAFoEV9gdtFkRYSuyeKbjREIIvuQKmwcOmxXYP4+P+hSbGQr"
    "JgwmTpmfqhyJyg1s6wObPl9rPzPvzU2+NP2DatwPcR4b39vXWsmW3GKVPWesyRNVJIWqo92rgz"
    "iHhSH6DT20tTTfFk9/bvjNehoJaw2zceex9zdCUEd7r6YBXHTT0Wk32NaO6QRuYUTKReAIxIZl"
    "miOOvwNIXjqJSCyCRj5bS3XleSBr8SBVgS2IrMTp00Sc54iB4AQyhuL9taDsQyPWKyAGIBMTnm"
    "eBz3Ox6rcx8McR5WOAgyZAaEY2c8/gE8zikSWN0RH1li4mJCRPLsFnURsCligNEwleJxjh2U7V"
    "iMzUQ3jpqt8Lgn8mvLSWJ+R+JZ9UJePmTfRWeqARUwiZGBI6xlBYOaFbDmkMyQZP/5XMxWh5bP"
    "xtGe54mz60Wy5NkeNGjyNaegQZWvOeIUCtXalcOBXz9cfroEkjhB4J9gL2y+1zHmHWP+Ui/aVg"
    "KeAOzBhUNhCbzV/ElKpEvvWIM/UbtQY8J3g5lgdfA2PERsiVoz0LVI3zeaq/pNIUQRvdibU1P6"
    "FIoWukd5VI/WtrM3R5pEiJhT6s/E+7XE+XwWzYxsB6uhqI8p8stdx5WESUpq9/iSDXNSrnA1TI"
    "2AWkGyxUhr7bDHx7q01HEeZZWZhHy/IbGaFWsxvvoreY2lXMWvCodo0uysdl5wJ5HueOzXxGN3"
    "J4p3PBgvaWQzMv00tFwi3iVCtlnfKf61qa5zop2e26zniF/V2rrzsp2m26bplkTNwiQGoyRgNl"
    "qGEKpjZVEeRb0g2RBYAePURf4eA5EJdwCmPnVVAId6iMgAE6fqo+VQFkdw8nd7aXbzwoGgCAzd"
    "CFDg2brDZUXrDceCyf+Q1XyslFzNgZZuvS6gdJriBuoNCkWPMyLG4nTNkaOeUP2x4+VpIheG79"
    "k1ho87WzF8F0RrZxAt9aTU1kFKZgcDaANt7mBQcvFcakZNIM7J7SDMZ4PByZnuspayrzRJwpDv"
    "/uK2sSxtFZHr+Zj6mJfQiytQTQttEVcX2Thwi8imytfHVnvFFggv8fVn1G9G3KaFtohs2KlThD"
    "ZdsRFKUXvrPS5uvUsLp/GdqgXJHdx+N8qQF43J5lgvRXcR7IGuASckK8H2BEyaC3spunthiYG+"
    "9VY4KpL1z+oniGTldg/jjW4eLuJQuidFiKuPmaVlujS97hbhLuxWQc9nSbcmCs5KdgpuqYIfkM"
    "9KyYXK83cpie2dujvOK/F4jXfRhk/dyTSB5udtM1JbdMYI5SZDoaayj0Wm5hufuG1V4EjdfmVU"
    "Ro/C6oPnQ0gmki2bXCqmEn3C33YJuzgAjz7mHBGAiconSuVhhrd7QR6JVVw2tlaXMpsquU0MM1"
    "BxgdghGCXlTN1whrlMmJIdKmGV5ARlPhXMX0w2k/lUKpkq8GSES1ZQR8DDgR8QFfcS3scd6Y3H"
    "KteTEeixuVi8Ty4m4/H+ASAyV0smeknROZ7NpWw8OZkXRg7BUH1tmYoF7xG7I+qbK0D2GID2A2"
    "bUXwCHWvdgguQlayrSlsZmDpn8zR2V0JXkbImmd0QmbsXpbHMB0xIvnr6KLYSFbfFatcw61LpY"
    "LX3P2SbmUCeNq4v9tDP20yVQvXAClYKliVERC7QZVr2YhO6lTceFW5uauzKdC9NqF6a7gaU7uf"
    "6KT66HyfxN2MuUSJckuwZ72V1+0467Vf4Gl99knZ7u+htNPmaIfGzNjRIqJqo5WPk7vkmb5+iX"
    "ahVs+Ldx/y6/9bMm21rthFYS2O/m0G/KYLfKUdI+LLDq3uD4tal+W6bKEiz+7ox8qBogHDXfQX"
    "RXHzGK0VXHiapswJLzL5RwVPaLPitswESkswEb2oDf9GX29S8TZaqD"
)
