-- What PostGraphile needs in the database to answer the same: a relation that is no
-- foreign key of ours, and functions for what is more than a table.

COMMENT ON TABLE log_entries IS '@foreignKey (ticket_id) references tickets (id)';

CREATE OR REPLACE FUNCTION search_tickets(words text) RETURNS SETOF tickets
LANGUAGE sql STABLE
AS $$
    SELECT *
    FROM tickets
    WHERE search @@ ticket_search_query(words)
    ORDER BY created_at DESC, id DESC
$$;

CREATE OR REPLACE FUNCTION open_ticket(
    subject text, description text, customer_name text, customer_email text,
    priority text DEFAULT 'medium', category text DEFAULT 'general', metadata jsonb DEFAULT NULL
) RETURNS tickets
LANGUAGE sql VOLATILE
AS $$
    WITH ticket AS (
        INSERT INTO tickets
            (id, subject, description, priority, category, customer_name, customer_email, metadata)
        VALUES (gen_random_uuid(), $1, $2, $5, $6, $3, $4, $7)
        RETURNING *
    ), event AS (
        INSERT INTO ticket_events (id, ticket_id, type, at, changes)
        SELECT gen_random_uuid(), id, 'created', created_at, (
            SELECT jsonb_agg(jsonb_build_object('field', field, 'before', NULL, 'after', value))
            FROM (VALUES
                ('subject', to_jsonb(ticket.subject)),
                ('description', to_jsonb(ticket.description)),
                ('status', to_jsonb(upper(ticket.status))),
                ('priority', to_jsonb(upper(ticket.priority))),
                ('category', to_jsonb(ticket.category)),
                ('customerName', to_jsonb(ticket.customer_name)),
                ('customerEmail', to_jsonb(ticket.customer_email)),
                ('metadata', ticket.metadata)
            ) AS told (field, value)
            WHERE value IS NOT NULL
        )
        FROM ticket
    )
    SELECT * FROM ticket
$$;

CREATE OR REPLACE FUNCTION change_ticket(id text, subject text) RETURNS tickets
LANGUAGE sql VOLATILE
AS $$
    WITH old AS (
        SELECT id, subject FROM tickets WHERE id = $1 FOR UPDATE
    ), ticket AS (
        UPDATE tickets
        SET subject = $2, version = version + 1, updated_at = clock_timestamp()
        FROM old
        WHERE tickets.id = old.id
        RETURNING tickets.*
    ), event AS (
        INSERT INTO ticket_events (id, ticket_id, type, at, changes)
        SELECT gen_random_uuid(), ticket.id, 'updated', ticket.updated_at, jsonb_build_array(
            jsonb_build_object('field', 'subject', 'before', old.subject, 'after', ticket.subject))
        FROM ticket, old
    )
    SELECT * FROM ticket
$$;
