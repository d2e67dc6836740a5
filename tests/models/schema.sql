CREATE FUNCTION public.jsonb_merge_patch(target jsonb, patch jsonb) RETURNS jsonb
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

CREATE TABLE public.aerich (
    id integer NOT NULL,
    version character varying(255) NOT NULL,
    app character varying(100) NOT NULL,
    content jsonb NOT NULL
);

CREATE SEQUENCE public.aerich_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.aerich_id_seq OWNED BY public.aerich.id;

CREATE TABLE public.api_tokens (
    id text NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    scopes jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_digest_check CHECK ((char_length(digest) = 64)),
    CONSTRAINT api_tokens_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT api_tokens_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT api_tokens_scopes_check CHECK ((jsonb_typeof(scopes) = 'array'::text))
);

CREATE TABLE public.idempotency_keys (
    id bigint NOT NULL,
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    result_id text NOT NULL,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    caller_identity text,
    CONSTRAINT idempotency_keys_caller_check CHECK ((char_length(caller) <= 200)),
    CONSTRAINT idempotency_keys_caller_identity_check CHECK ((char_length(caller_identity) = 64)),
    CONSTRAINT idempotency_keys_fingerprint_check CHECK ((char_length(fingerprint) = 64)),
    CONSTRAINT idempotency_keys_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255))),
    CONSTRAINT idempotency_keys_result_id_check CHECK (((char_length(result_id) >= 1) AND (char_length(result_id) <= 64)))
);

CREATE SEQUENCE public.idempotency_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.idempotency_keys_id_seq OWNED BY public.idempotency_keys.id;

CREATE TABLE public.log_entries (
    id text NOT NULL,
    ticket_id text NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    "timestamp" timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    response jsonb,
    delivery_id text,
    attempt integer,
    duration_ms integer,
    actor text,
    request_id text,
    transaction bigint DEFAULT txid_current() NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT log_entries_action_check CHECK ((action = ANY (ARRAY['send'::text, 'retry'::text, 'query'::text]))),
    CONSTRAINT log_entries_actor_check CHECK ((char_length(actor) <= 200)),
    CONSTRAINT log_entries_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT log_entries_delivery_id_check CHECK (((char_length(delivery_id) >= 1) AND (char_length(delivery_id) <= 64))),
    CONSTRAINT log_entries_duration_ms_check CHECK ((duration_ms >= 0)),
    CONSTRAINT log_entries_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT log_entries_request_id_check CHECK ((char_length(request_id) <= 128)),
    CONSTRAINT log_entries_status_check CHECK ((status = ANY (ARRAY['success'::text, 'failed'::text]))),
    CONSTRAINT log_entries_ticket_id_check CHECK (((char_length(ticket_id) >= 1) AND (char_length(ticket_id) <= 64))),
    CONSTRAINT log_entries_timestamp_check CHECK ((("timestamp" >= '0001-01-01 00:00:00+00'::timestamp with time zone) AND ("timestamp" <= '9999-12-31 23:59:59.999999+00'::timestamp with time zone)))
);

CREATE SEQUENCE public.log_entries_sequence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.log_entries_sequence OWNED BY public.log_entries.sequence;

CREATE TABLE public.ops_deliveries (
    id text NOT NULL,
    ticket_id text NOT NULL,
    payload jsonb NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    attempts_forgiven integer DEFAULT 0 NOT NULL,
    reference text,
    remote_status text,
    last_error text,
    requested_by text,
    request_id text,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    next_attempt_at timestamp with time zone,
    lease_until timestamp with time zone,
    delivered_at timestamp with time zone,
    CONSTRAINT ops_deliveries_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT ops_deliveries_attempts_forgiven_check CHECK (((attempts_forgiven >= 0) AND (attempts_forgiven <= attempts))),
    CONSTRAINT ops_deliveries_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT ops_deliveries_last_error_check CHECK ((char_length(last_error) <= 2000)),
    CONSTRAINT ops_deliveries_next_attempt_at_check CHECK (((state = 'pending'::text) = (next_attempt_at IS NOT NULL))),
    CONSTRAINT ops_deliveries_reference_check CHECK ((char_length(reference) <= 200)),
    CONSTRAINT ops_deliveries_remote_status_check CHECK ((remote_status = ANY (ARRAY['received'::text, 'in_progress'::text, 'completed'::text, 'rejected'::text]))),
    CONSTRAINT ops_deliveries_request_id_check CHECK ((char_length(request_id) <= 128)),
    CONSTRAINT ops_deliveries_requested_by_check CHECK ((char_length(requested_by) <= 200)),
    CONSTRAINT ops_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT ops_deliveries_ticket_id_check CHECK (((char_length(ticket_id) >= 1) AND (char_length(ticket_id) <= 64)))
);

CREATE TABLE public.ticket_events (
    id text NOT NULL,
    ticket_id text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    actor text,
    request_id text,
    changes jsonb NOT NULL,
    transaction bigint DEFAULT txid_current() NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT ticket_events_actor_check CHECK ((char_length(actor) <= 200)),
    CONSTRAINT ticket_events_changes_check CHECK ((jsonb_typeof(changes) = 'array'::text)),
    CONSTRAINT ticket_events_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT ticket_events_request_id_check CHECK ((char_length(request_id) <= 128)),
    CONSTRAINT ticket_events_ticket_id_check CHECK (((char_length(ticket_id) >= 1) AND (char_length(ticket_id) <= 64))),
    CONSTRAINT ticket_events_type_check CHECK ((type = ANY (ARRAY['created'::text, 'updated'::text, 'deleted'::text, 'ops_state_changed'::text])))
);

CREATE SEQUENCE public.ticket_events_sequence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ticket_events_sequence OWNED BY public.ticket_events.sequence;

CREATE TABLE public.tickets (
    id text NOT NULL,
    subject text NOT NULL,
    description text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    customer_name text NOT NULL,
    customer_email text NOT NULL,
    customer_phone text,
    assigned_to text,
    priority text DEFAULT 'medium'::text NOT NULL,
    category text DEFAULT 'general'::text NOT NULL,
    metadata jsonb,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    ops_state text DEFAULT 'not_sent'::text NOT NULL,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, ((((((((((((subject || ' '::text) || description) || ' '::text) || customer_name) || ' '::text) || customer_email) || ' '::text) || translate(customer_email, '@'::text, ' '::text)) || ' '::text) || translate(customer_email, '@.'::text, '  '::text)) || ' '::text) || COALESCE(customer_phone, ''::text)))) STORED,
    CONSTRAINT tickets_assigned_to_check CHECK ((char_length(assigned_to) <= 200)),
    CONSTRAINT tickets_category_check CHECK ((char_length(category) <= 100)),
    CONSTRAINT tickets_created_at_check CHECK (((created_at >= '0001-01-01 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 23:59:59.999999+00'::timestamp with time zone))),
    CONSTRAINT tickets_customer_email_check CHECK ((char_length(customer_email) <= 254)),
    CONSTRAINT tickets_customer_name_check CHECK ((char_length(customer_name) <= 200)),
    CONSTRAINT tickets_customer_phone_check CHECK ((char_length(customer_phone) <= 50)),
    CONSTRAINT tickets_description_check CHECK ((char_length(description) <= 65536)),
    CONSTRAINT tickets_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT tickets_metadata_check CHECK ((octet_length((metadata)::text) <= 65536)),
    CONSTRAINT tickets_ops_state_check CHECK ((ops_state = ANY (ARRAY['not_sent'::text, 'pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT tickets_priority_check CHECK ((priority = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text]))),
    CONSTRAINT tickets_status_check CHECK ((status = ANY (ARRAY['open'::text, 'in_progress'::text, 'pending'::text, 'resolved'::text, 'closed'::text]))),
    CONSTRAINT tickets_subject_check CHECK ((char_length(subject) <= 500)),
    CONSTRAINT tickets_updated_at_check CHECK (((updated_at >= '0001-01-01 00:00:00+00'::timestamp with time zone) AND (updated_at <= '9999-12-31 23:59:59.999999+00'::timestamp with time zone))),
    CONSTRAINT tickets_version_check CHECK ((version >= 1))
);

ALTER TABLE ONLY public.aerich ALTER COLUMN id SET DEFAULT nextval('public.aerich_id_seq'::regclass);

ALTER TABLE ONLY public.idempotency_keys ALTER COLUMN id SET DEFAULT nextval('public.idempotency_keys_id_seq'::regclass);

ALTER TABLE ONLY public.log_entries ALTER COLUMN sequence SET DEFAULT nextval('public.log_entries_sequence'::regclass);

ALTER TABLE ONLY public.ticket_events ALTER COLUMN sequence SET DEFAULT nextval('public.ticket_events_sequence'::regclass);

ALTER TABLE ONLY public.aerich
    ADD CONSTRAINT aerich_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_name_key UNIQUE (name);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_caller_key_key UNIQUE (caller, key);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.log_entries
    ADD CONSTRAINT log_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ops_deliveries
    ADD CONSTRAINT ops_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ticket_events
    ADD CONSTRAINT ticket_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX idempotency_keys_of_identity ON public.idempotency_keys USING btree (caller_identity, key) WHERE (caller_identity IS NOT NULL);

CREATE INDEX log_entries_by_timestamp ON public.log_entries USING btree ("timestamp", id);

CREATE INDEX log_entries_in_order ON public.log_entries USING btree (transaction, sequence);

CREATE INDEX log_entries_of_delivery ON public.log_entries USING btree (delivery_id, "timestamp", id);

CREATE INDEX log_entries_of_ticket ON public.log_entries USING btree (ticket_id, "timestamp", id);

CREATE INDEX ops_deliveries_by_created_at ON public.ops_deliveries USING btree (created_at, id);

CREATE INDEX ops_deliveries_due ON public.ops_deliveries USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE INDEX ops_deliveries_failed ON public.ops_deliveries USING btree (created_at, id) WHERE (state = 'failed'::text);

CREATE INDEX ops_deliveries_of_ticket ON public.ops_deliveries USING btree (ticket_id, created_at, id);

CREATE UNIQUE INDEX ops_deliveries_one_pending ON public.ops_deliveries USING btree (ticket_id) WHERE (state = 'pending'::text);

CREATE INDEX ops_deliveries_under_way ON public.ops_deliveries USING btree (lease_until) WHERE (lease_until IS NOT NULL);

CREATE INDEX ticket_events_in_order ON public.ticket_events USING btree (transaction, sequence);

CREATE INDEX ticket_events_of_ticket ON public.ticket_events USING btree (ticket_id, transaction, sequence);

CREATE INDEX tickets_by_created_at ON public.tickets USING btree (created_at, id);

CREATE INDEX tickets_by_priority ON public.tickets USING btree ((
CASE priority
    WHEN 'low'::text THEN 1
    WHEN 'medium'::text THEN 2
    WHEN 'high'::text THEN 3
    ELSE NULL::integer
END), id);

CREATE INDEX tickets_by_status ON public.tickets USING btree ((
CASE status
    WHEN 'open'::text THEN 1
    WHEN 'in_progress'::text THEN 2
    WHEN 'pending'::text THEN 3
    WHEN 'resolved'::text THEN 4
    WHEN 'closed'::text THEN 5
    ELSE NULL::integer
END), id);

CREATE INDEX tickets_by_subject ON public.tickets USING btree (subject, id);

CREATE INDEX tickets_by_updated_at ON public.tickets USING btree (updated_at, id);

CREATE INDEX tickets_metadata ON public.tickets USING gin (metadata jsonb_path_ops);

CREATE INDEX tickets_of_assignee ON public.tickets USING btree (assigned_to, created_at, id);

CREATE INDEX tickets_of_customer ON public.tickets USING btree (customer_email, created_at, id);

CREATE INDEX tickets_of_status ON public.tickets USING btree (status, created_at, id);

CREATE INDEX tickets_search ON public.tickets USING gin (search);
