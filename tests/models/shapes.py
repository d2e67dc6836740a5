"""Shapes of former databases: each is adopted with every row, or refused by a line that helps.

A shape is a variant of the tables, changed by SQL of its owner. The SQL runs after the rows are
inserted.
"""

from dataclasses import dataclass, field

from tests.models.former import Former

__all__ = ["ADOPTED", "REFUSED", "Adopted", "Refused"]

TRIGGER = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION {name}();
"""
LOOSE = Former(key="", not_null=False)
VARCHAR = Former(text="varchar(65536)")


def trigger(name: str, when: str, body: str) -> str:
    """Return the SQL of a row trigger."""
    return TRIGGER.format(name=name, when=when, body=body)


SOFT_DELETE = trigger(
    "soft_delete",
    "BEFORE DELETE ON tickets",
    "UPDATE tickets SET removed = TRUE WHERE id = OLD.id; RETURN NULL;",
)


@dataclass(frozen=True)
class Adopted:
    """A shape that is adopted; ``changes`` are among the reported lines."""

    sql: str = ""
    former: Former = field(default_factory=Former)
    changes: tuple[str, ...] = ()
    # An SQL condition that holds after the adoption.
    check: str = "TRUE"
    # Whether the whole API is used afterwards, or only the statements that write tickets.
    uses_api: bool = False
    min_version: int = 12


@dataclass(frozen=True)
class Refused:
    """A shape that is refused with these lines."""

    sql: str
    lines: tuple[str, ...]
    former: Former = field(default_factory=Former)
    min_version: int = 12


def has_constraint(name: str) -> str:
    """Return the SQL condition that a constraint exists."""
    return f"EXISTS (SELECT FROM pg_constraint WHERE conname = '{name}')"


def type_of(table: str, column: str, type_name: str) -> str:
    """Return the SQL condition that a column has a type."""
    return (
        f"(SELECT trim('\"' FROM format_type(atttypid, atttypmod)) FROM pg_attribute"
        f" WHERE attrelid = '{table}'::regclass AND attname = '{column}') = '{type_name}'"
    )


TIMESTAMPTZ = "timestamp with time zone"
# The last microsecond of the year 9999 would be rounded to the year 10000.
BEFORE_ROUNDING = "UPDATE tickets SET created_at = '9999-12-31' WHERE created_at > '9999-12-31';"

ADOPTED = {
    # Types.
    "text_ids": Adopted(
        former=Former(id="text"),
        uses_api=True,
    ),
    "varchar_with_lengths": Adopted(
        former=Former(id="varchar(64)", text="varchar(65536)"),
        changes=("tickets.id: character varying(64) becomes text",),
        check=type_of("tickets", "subject", "text"),
    ),
    "json": Adopted(
        former=Former(json="json"), changes=("tickets.metadata: json becomes jsonb",), uses_api=True
    ),
    "time_without_zone": Adopted(
        former=Former(time="timestamp"),
        uses_api=True,
    ),
    "time_in_whole_seconds": Adopted(
        f"{BEFORE_ROUNDING} ALTER TABLE tickets ALTER created_at TYPE timestamptz(0)",
        changes=(f"tickets.created_at: timestamp(0) with time zone becomes {TIMESTAMPTZ}",),
        check=type_of("tickets", "created_at", TIMESTAMPTZ),
    ),
    "time_in_milliseconds": Adopted(
        f"{BEFORE_ROUNDING} ALTER TABLE log_entries ALTER timestamp TYPE timestamp(3)",
        check=type_of("log_entries", "timestamp", TIMESTAMPTZ),
    ),
    "padded_priority": Adopted("ALTER TABLE tickets ALTER priority TYPE char(10)"),
    "name_type": Adopted("ALTER TABLE tickets ALTER category TYPE name"),
    "enumeration": Adopted(
        """
        CREATE TYPE level AS ENUM ('low', 'medium', 'high', 'urgent');
        ALTER TABLE tickets ALTER priority TYPE level USING priority::level;
        ALTER TABLE tickets ALTER priority SET DEFAULT 'urgent';
        """,
        changes=(
            "tickets.priority: level becomes text",
            "tickets.priority: the default 'urgent' becomes 'medium'",
        ),
        uses_api=True,
    ),
    "uuid_ids": Adopted(
        """
        DELETE FROM tickets;
        UPDATE log_entries SET ticket_id = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
        ALTER TABLE tickets ALTER id TYPE uuid USING id::uuid;
        ALTER TABLE log_entries ALTER ticket_id TYPE uuid USING ticket_id::uuid;
        """,
        check=type_of("log_entries", "ticket_id", "text"),
    ),
    "domain": Adopted(
        """
        CREATE DOMAIN long AS text CHECK (length(VALUE) < 1000);
        CREATE DOMAIN short AS long CHECK (length(VALUE) < 600);
        ALTER TABLE tickets ALTER subject TYPE short;
        """,
        changes=("tickets.subject: short becomes text",),
    ),
    "domain_of_time": Adopted(
        f"""
        CREATE DOMAIN moment AS {TIMESTAMPTZ};
        ALTER TABLE tickets ALTER created_at TYPE moment;
        ALTER DATABASE %(database)s SET TimeZone = 'America/New_York';
        """,
        check=type_of("tickets", "created_at", TIMESTAMPTZ),
    ),
    "collation": Adopted(
        former=Former(text='text COLLATE "C"'),
        changes=("tickets.subject: gets the default collation",),
    ),
    "order_of_columns": Adopted(former=Former(shuffled=True)),
    "dropped_columns": Adopted(
        "ALTER TABLE tickets ADD COLUMN a int, ADD COLUMN b text; ALTER TABLE tickets DROP COLUMN a"
    ),
    # Keys.
    "no_key": Adopted(former=LOOSE, check=has_constraint("tickets_pkey")),
    "unique_instead_of_key": Adopted(former=Former(key="UNIQUE", not_null=False)),
    "named_key": Adopted(
        former=Former(key="CONSTRAINT pk_of_{table} PRIMARY KEY"),
        check=has_constraint("tickets_pkey"),
    ),
    "deferrable_key_of_the_log": Adopted(
        "ALTER TABLE log_entries DROP CONSTRAINT log_entries_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
        changes=('log_entries: the constraint "log_entries_pkey" is dropped',),
        uses_api=True,
    ),
    "deferrable_key_of_the_tickets": Adopted(
        """
        ALTER TABLE tickets DROP CONSTRAINT tickets_pkey,
            ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED
        """
    ),
    "composite_key": Adopted(
        """
        UPDATE tickets SET assigned_to = coalesce(assigned_to, '');
        ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD PRIMARY KEY (id, assigned_to);
        """,
        changes=("tickets.assigned_to: may be null from now on",),
        uses_api=True,
    ),
    "key_on_another_column": Adopted(
        "ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD COLUMN n bigserial PRIMARY KEY",
        uses_api=True,
    ),
    "key_with_included_column": Adopted(
        "ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD PRIMARY KEY (id) INCLUDE (status)"
    ),
    # Columns of the owner.
    "serial": Adopted("ALTER TABLE tickets ADD COLUMN n serial"),
    "identity_always": Adopted(
        """
        ALTER TABLE tickets ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;
        ALTER TABLE log_entries ADD COLUMN n bigint GENERATED BY DEFAULT AS IDENTITY;
        """,
        uses_api=True,
    ),
    "required_with_default": Adopted("ALTER TABLE tickets ADD tenant int NOT NULL DEFAULT 1"),
    "required_domain_with_default": Adopted(
        """
        CREATE DOMAIN tenant AS int DEFAULT 1 NOT NULL;
        ALTER TABLE tickets ADD COLUMN tenant tenant;
        """
    ),
    "generated_column": Adopted(
        "ALTER TABLE tickets ADD length int GENERATED ALWAYS AS (length(subject)) STORED NOT NULL",
        uses_api=True,
    ),
    "check_of_an_own_column": Adopted(
        "ALTER TABLE tickets ADD rating int CONSTRAINT rated CHECK (rating BETWEEN 1 AND 5)",
        check=has_constraint("rated"),
    ),
    "unique_own_column": Adopted(
        "ALTER TABLE tickets ADD number int CONSTRAINT numbered UNIQUE",
        check=has_constraint("numbered"),
    ),
    "check_with_an_own_column": Adopted(
        """
        ALTER TABLE tickets ADD solved_by text,
            ADD CONSTRAINT solved CHECK (status <> 'closed' OR solved_by IS NOT NULL) NOT VALID
        """,
        check=has_constraint("solved"),
        uses_api=True,
    ),
    "unique_index_with_an_own_column": Adopted(
        """
        ALTER TABLE tickets ADD tenant int;
        CREATE UNIQUE INDEX subject_of_tenant ON tickets (tenant, lower(subject))
        """,
        check="to_regclass('subject_of_tenant') IS NOT NULL",
        uses_api=True,
    ),
    "exclusion_of_an_own_column": Adopted(
        "ALTER TABLE tickets ADD room int, ADD CONSTRAINT rooms EXCLUDE USING btree (room WITH =)",
        check=has_constraint("rooms"),
    ),
    "mark_of_deletion_without_rows": Adopted(
        """
        ALTER TABLE tickets ADD deleted_at timestamptz, ADD is_deleted boolean DEFAULT FALSE;
        CREATE INDEX idx_tickets_deleted_at ON tickets (deleted_at);
        """
    ),
    # Constraints of the service's columns.
    "checks": Adopted(
        """
        ALTER TABLE tickets ADD CONSTRAINT no_x CHECK (priority <> 'x');
        ALTER TABLE tickets ADD CONSTRAINT tickets_status_check CHECK (status <> 'x') NOT VALID;
        """,
        changes=('tickets: the constraint "no_x" is dropped: CHECK',),
    ),
    "unique_texts": Adopted(
        """
        ALTER TABLE tickets ADD CONSTRAINT one_each UNIQUE (subject, customer_email);
        CREATE UNIQUE INDEX one_name ON tickets (lower(customer_name));
        CREATE UNIQUE INDEX one_open ON tickets (subject) WHERE status = 'open';
        """,
        changes=(
            'tickets: the constraint "one_each" is dropped: UNIQUE (subject, customer_email)',
            'tickets: the unique index "one_name" is dropped',
            'tickets: the unique index "one_open" is dropped',
        ),
        check="to_regclass('one_name') IS NULL",
    ),
    "exclusion": Adopted(
        "ALTER TABLE tickets ADD CONSTRAINT one EXCLUDE USING btree (subject WITH =)",
        changes=('tickets: the constraint "one" is dropped: EXCLUDE',),
    ),
    "defaults": Adopted(former=Former(defaults=True)),
    # Foreign keys.
    "cascading_log": Adopted(
        former=Former(foreign_key="REFERENCES tickets ON DELETE CASCADE"),
        changes=('log_entries: the foreign key "log_entries_ticket_id_fkey" on ticket_id is',),
        uses_api=True,
    ),
    "restricting_log": Adopted(
        former=Former(foreign_key="REFERENCES tickets DEFERRABLE INITIALLY DEFERRED")
    ),
    "foreign_key_from_outside": Adopted(
        """
        CREATE TABLE comments (ticket_id varchar REFERENCES tickets ON UPDATE CASCADE);
        INSERT INTO comments SELECT id FROM tickets;
        """,
        check=has_constraint("comments_ticket_id_fkey"),
        uses_api=True,
    ),
    "cascading_foreign_key_from_outside": Adopted(
        """
        CREATE UNLOGGED TABLE comments (ticket_id text REFERENCES tickets ON DELETE CASCADE);
        INSERT INTO comments SELECT id FROM tickets;
        """,
        uses_api=True,
    ),
    "foreign_key_to_outside": Adopted(
        """
        CREATE TABLE staff (name varchar(200) PRIMARY KEY);
        INSERT INTO staff SELECT DISTINCT assigned_to FROM tickets WHERE assigned_to IS NOT NULL;
        ALTER TABLE tickets ADD CONSTRAINT of_staff FOREIGN KEY (assigned_to) REFERENCES staff;
        """,
        check=has_constraint("of_staff"),
        former=VARCHAR,
        uses_api=True,
    ),
    "foreign_key_to_outside_without_the_default": Adopted(
        """
        CREATE TABLE categories (name text PRIMARY KEY);
        INSERT INTO categories SELECT DISTINCT category FROM tickets;
        ALTER TABLE tickets ADD CONSTRAINT known FOREIGN KEY (category) REFERENCES categories;
        """,
        check=has_constraint("known"),
    ),
    "foreign_key_to_outside_of_no_rows": Adopted(
        """
        TRUNCATE tickets; CREATE TABLE categories (name text PRIMARY KEY);
        INSERT INTO categories VALUES ('general');
        ALTER TABLE tickets ADD CONSTRAINT known FOREIGN KEY (category) REFERENCES categories;
        CREATE TABLE staff (name text PRIMARY KEY);
        ALTER TABLE tickets ADD keeper text DEFAULT 'x',
            ADD CONSTRAINT kept FOREIGN KEY (subject) REFERENCES staff;
        INSERT INTO staff VALUES ('s');
        """,
        check=has_constraint("kept"),
    ),
    "foreign_key_to_itself": Adopted(
        "ALTER TABLE tickets ADD parent_id varchar(255) CONSTRAINT family REFERENCES tickets",
        check=has_constraint("family"),
    ),
    # Storage and replication.
    "unlogged": Adopted(
        "ALTER TABLE log_entries SET UNLOGGED; ALTER TABLE tickets SET UNLOGGED",
        changes=("tickets: UNLOGGED becomes LOGGED", "log_entries: UNLOGGED becomes LOGGED"),
        check="NOT EXISTS (SELECT FROM pg_class WHERE relpersistence = 'u')",
    ),
    "unlogged_with_foreign_key": Adopted(
        "ALTER TABLE log_entries SET UNLOGGED; ALTER TABLE tickets SET UNLOGGED",
        former=Former(foreign_key="REFERENCES tickets"),
        check="NOT EXISTS (SELECT FROM pg_class WHERE relpersistence = 'u')",
        uses_api=True,
    ),
    "unlogged_with_serial": Adopted(
        "ALTER TABLE tickets ADD n serial; ALTER TABLE tickets SET UNLOGGED",
        check="NOT EXISTS (SELECT FROM pg_class WHERE relpersistence = 'u')",
    ),
    "storage_options": Adopted(
        """
        ALTER TABLE tickets SET (fillfactor = 70, autovacuum_enabled = false);
        ALTER TABLE tickets ALTER description SET STORAGE EXTERNAL;
        ALTER TABLE tickets ALTER subject SET STATISTICS 500;
        CLUSTER tickets USING tickets_pkey;
        """
    ),
    "published_without_identity": Adopted(
        """
        ALTER TABLE tickets REPLICA IDENTITY NOTHING;
        CREATE PUBLICATION %(database)s FOR TABLE tickets;
        """,
        changes=(
            "tickets: the replica identity becomes the primary key",
            "publication %(database)s: its subscribers need the new columns of tickets",
        ),
        uses_api=True,
    ),
    "published_by_a_dropped_index": Adopted(
        """
        CREATE UNIQUE INDEX mine ON tickets (id, subject);
        ALTER TABLE tickets REPLICA IDENTITY USING INDEX mine;
        CREATE PUBLICATION %(database)s FOR ALL TABLES;
        """,
        changes=("tickets: the replica identity becomes the primary key",),
    ),
    "published_with_all_columns": Adopted(
        """
        ALTER TABLE tickets REPLICA IDENTITY FULL; ALTER TABLE log_entries REPLICA IDENTITY FULL;
        CREATE PUBLICATION %(database)s FOR TABLE tickets, log_entries;
        """,
        changes=("log_entries: the replica identity becomes the primary key",),
        uses_api=True,
    ),
    # Triggers, rules, policies.
    "audit_trigger": Adopted(
        "CREATE TABLE audit (n serial, what text);"
        + trigger(
            "audit",
            "AFTER INSERT OR UPDATE OR DELETE ON tickets",
            "INSERT INTO audit (what) VALUES (TG_OP); RETURN NULL;",
        ),
        # Nothing of the rehearsal remains.
        check="(SELECT count(*) = 0 FROM audit)",
        uses_api=True,
    ),
    "trigger_that_sets_an_own_column": Adopted(
        "ALTER TABLE tickets ADD COLUMN touched_at timestamptz;"
        + trigger(
            "touch",
            "BEFORE INSERT OR UPDATE ON tickets",
            "NEW.touched_at := now(); RETURN NEW;",
        ),
        uses_api=True,
    ),
    "disabled_trigger": Adopted(
        trigger("keep", "BEFORE DELETE ON tickets", "RETURN NULL;")
        + "ALTER TABLE tickets DISABLE TRIGGER keep"
    ),
    "replica_trigger": Adopted(
        trigger("keep", "BEFORE DELETE ON tickets", "RETURN NULL;")
        + "ALTER TABLE tickets ENABLE REPLICA TRIGGER keep"
    ),
    "constraint_trigger": Adopted(
        """
        CREATE FUNCTION fine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER fine AFTER UPDATE ON tickets DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION fine();
        """,
        uses_api=True,
    ),
    "disabled_rule": Adopted(
        """
        CREATE RULE keep AS ON DELETE TO tickets DO INSTEAD NOTHING;
        ALTER TABLE tickets DISABLE RULE keep;
        """,
        uses_api=True,
    ),
    "policies_for_others": Adopted(
        """
        CREATE POLICY own ON tickets USING (current_user = 'nobody');
        ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
        """,
        uses_api=True,
    ),
    # Objects that depend on the tables.
    "view": Adopted(
        "CREATE VIEW open AS SELECT subject, status, metadata FROM tickets", uses_api=True
    ),
    "materialized_view": Adopted(
        "CREATE MATERIALIZED VIEW counts AS SELECT status, count(*) FROM tickets GROUP BY status"
    ),
    "function": Adopted(
        "CREATE FUNCTION first() RETURNS SETOF tickets LANGUAGE sql AS 'SELECT * FROM tickets'"
    ),
    "comments_statistics_privileges": Adopted(
        """
        COMMENT ON TABLE tickets IS 'mine'; COMMENT ON COLUMN tickets.subject IS 'mine';
        CREATE STATISTICS mine ON status, priority FROM tickets;
        GRANT SELECT (subject), UPDATE (status) ON tickets TO PUBLIC;
        """,
        former=VARCHAR,
        check="EXISTS (SELECT FROM pg_description WHERE objoid = 'tickets'::regclass)",
    ),
    "indexes": Adopted(
        """
        CREATE INDEX mine ON tickets (lower(subject) varchar_pattern_ops) WHERE status = 'open';
        CREATE INDEX json ON tickets USING gin (metadata);
        CREATE INDEX tickets_hash ON log_entries USING hash (ticket_id);
        """,
        former=VARCHAR,
    ),
    # The place of the tables.
    "tickets_only": Adopted(
        "DROP TABLE log_entries",
        uses_api=True,
    ),
    "log_entries_only": Adopted(
        "DROP TABLE tickets",
        uses_api=True,
    ),
    "no_rows": Adopted(
        "TRUNCATE tickets, log_entries",
        uses_api=True,
    ),
    "another_schema": Adopted(
        """
        CREATE SCHEMA "App"; ALTER TABLE tickets SET SCHEMA "App";
        ALTER TABLE log_entries SET SCHEMA "App";
        ALTER DATABASE %(database)s SET search_path = "App", public;
        """,
        uses_api=True,
    ),
    "other_tickets_elsewhere": Adopted(
        """
        CREATE SCHEMA other; CREATE TABLE other.tickets (id int, seat text);
        CREATE TABLE "TICKETS" (id int, seat text);
        """
    ),
    "aerich_in_another_schema": Adopted(
        """
        CREATE SCHEMA app; ALTER TABLE tickets SET SCHEMA app;
        ALTER TABLE log_entries SET SCHEMA app; CREATE TABLE aerich (id int);
        ALTER DATABASE %(database)s SET search_path = app, public;
        """,
        check="to_regclass('app.aerich') IS NOT NULL",
    ),
    "other_migrations_in_another_schema": Adopted(
        """
        CREATE SCHEMA app; ALTER TABLE tickets SET SCHEMA app;
        ALTER TABLE log_entries SET SCHEMA app;
        CREATE TABLE aerich (id serial PRIMARY KEY, version varchar(255) NOT NULL,
            app varchar(100) NOT NULL, content jsonb NOT NULL);
        INSERT INTO aerich (version, app, content) VALUES ('7_2024_more.py', 'models', '{}');
        ALTER DATABASE %(database)s SET search_path = app, public;
        """,
        check="to_regclass('app.aerich') IS NOT NULL",
    ),
    "migrations_of_another_program": Adopted(
        """
        CREATE TABLE aerich (id serial PRIMARY KEY, version varchar(255) NOT NULL,
            app varchar(100) NOT NULL, content jsonb NOT NULL);
        INSERT INTO aerich (version, app, content) VALUES ('0_x_init.py', 'shop', '{}');
        """
    ),
}

REFUSED = {
    "foreign_key_of_the_log_to_outside": Refused(
        """
        CREATE TABLE archive (id varchar PRIMARY KEY);
        INSERT INTO archive SELECT ticket_id FROM log_entries ON CONFLICT DO NOTHING;
        ALTER TABLE log_entries ADD CONSTRAINT old FOREIGN KEY (ticket_id) REFERENCES archive;
        """,
        ('the foreign key "old"', "refers to archive, so that entries of other tickets cannot be"),
    ),
    "unique_column_with_a_constant_default": Refused(
        """
        ALTER TABLE tickets ADD number int CONSTRAINT numbered UNIQUE;
        ALTER TABLE tickets ALTER number SET DEFAULT 0;
        """,
        ("tickets: a row cannot be inserted", 'unique constraint "numbered"'),
    ),
    # Not an ordinary table.
    "view_instead": Refused(
        "ALTER TABLE tickets RENAME TO base; CREATE VIEW tickets AS SELECT * FROM base",
        ('"tickets" exists but is not an ordinary table: it is a view. Rename or drop it.',),
    ),
    "materialized_view_instead": Refused(
        "DROP TABLE log_entries; CREATE MATERIALIZED VIEW log_entries AS SELECT 1 AS id",
        ('"log_entries" exists but is not an ordinary table: it is a materialized view.',),
    ),
    "foreign_table": Refused(
        """
        DROP TABLE tickets; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE FOREIGN TABLE tickets (id text) SERVER s;
        """,
        ('"tickets" exists but is not an ordinary table: it is a foreign table.',),
    ),
    "partitioned": Refused(
        "DROP TABLE tickets; CREATE TABLE tickets (id text) PARTITION BY HASH (id)",
        ('"tickets" exists but is not an ordinary table: it is a partitioned table.',),
    ),
    "partition": Refused(
        """
        CREATE TABLE everything (LIKE tickets) PARTITION BY HASH (id);
        ALTER TABLE everything ATTACH PARTITION tickets FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        """,
        ("ALTER TABLE everything DETACH PARTITION tickets",),
    ),
    "parent": Refused(
        "CREATE TABLE base (id varchar(255) NOT NULL); ALTER TABLE tickets INHERIT base",
        ('"tickets" inherits from base. Run: ALTER TABLE tickets NO INHERIT base',),
    ),
    "child": Refused(
        "CREATE TABLE archive () INHERITS (tickets)",
        ('archive inherits from "tickets"', "ALTER TABLE archive NO INHERIT tickets"),
    ),
    "typed_table": Refused(
        """
        DROP TABLE log_entries; CREATE TYPE entry AS (id text);
        CREATE TABLE log_entries OF entry;
        """,
        ("ALTER TABLE log_entries NOT OF",),
    ),
    # Columns.
    "generated_column": Refused(
        """
        ALTER TABLE tickets DROP assigned_to;
        ALTER TABLE tickets ADD assigned_to text GENERATED ALWAYS AS ('team') STORED;
        """,
        ("tickets.assigned_to: a generated column", "ALTER COLUMN assigned_to DROP EXPRESSION"),
    ),
    "missing_column": Refused(
        "ALTER TABLE tickets DROP COLUMN category",
        ("tickets.category: missing. Add it: ALTER TABLE tickets ADD COLUMN category text",),
    ),
    "column_in_another_case": Refused(
        'ALTER TABLE tickets RENAME customer_name TO "customerName"',
        ('ALTER TABLE tickets RENAME COLUMN "customerName" TO customer_name',),
    ),
    "number_as_id": Refused(
        "DELETE FROM tickets; ALTER TABLE tickets ALTER id TYPE int USING 0",
        ("tickets.id: integer where text is expected", "ALTER COLUMN id TYPE text USING id::text"),
    ),
    "text_as_json": Refused(
        "ALTER TABLE tickets ALTER metadata TYPE text",
        ("tickets.metadata: text where jsonb is expected", "USING metadata::jsonb"),
    ),
    "date_as_time": Refused(
        "ALTER TABLE log_entries ALTER timestamp TYPE date",
        (f"log_entries.timestamp: date where {TIMESTAMPTZ} is expected",),
    ),
    "added_column": Refused(
        "ALTER TABLE tickets ADD COLUMN version int",
        ("tickets.version: exists already", 'RENAME COLUMN version TO "version_old"'),
    ),
    "required_column": Refused(
        "ALTER TABLE tickets ADD n serial; ALTER TABLE tickets ALTER n DROP DEFAULT",
        ("tickets.n: an unknown column that requires a value", 'ALTER COLUMN "n" DROP NOT NULL'),
    ),
    "required_domain": Refused(
        """
        CREATE DOMAIN tenant AS int CONSTRAINT given CHECK (VALUE IS NOT NULL);
        ALTER TABLE tickets ADD COLUMN tenant tenant DEFAULT 1;
        ALTER TABLE tickets ALTER tenant DROP DEFAULT;
        """,
        ("tickets: a row cannot be inserted", "given"),
    ),
    # Objects that depend on columns whose type changes.
    "view_of_a_column": Refused(
        "CREATE VIEW mine AS SELECT status FROM tickets",
        ("tickets.status: the view mine depends on its type", "Drop it, and create it again"),
        former=VARCHAR,
    ),
    "materialized_view_of_a_column": Refused(
        "CREATE MATERIALIZED VIEW mine AS SELECT id FROM log_entries",
        ("log_entries.id: the materialized view mine depends on its type",),
    ),
    "trigger_of_a_column": Refused(
        """
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER mine BEFORE UPDATE OF status ON tickets FOR EACH ROW EXECUTE FUNCTION f();
        """,
        ("tickets.status: the trigger mine on table tickets depends on its type",),
        former=VARCHAR,
    ),
    "policy_of_a_column": Refused(
        "CREATE POLICY mine ON tickets USING (status = 'open')",
        ("tickets.status: the policy mine on table tickets depends on its type",),
        former=VARCHAR,
    ),
    "function_of_a_column": Refused(
        "CREATE FUNCTION mine() RETURNS bigint BEGIN ATOMIC SELECT count(status) FROM tickets; END",
        ("tickets.status: the function mine() depends on its type",),
        former=VARCHAR,
        min_version=14,
    ),
    "generated_from_a_column": Refused(
        "ALTER TABLE tickets ADD mine text GENERATED ALWAYS AS (lower(status)) STORED",
        ("tickets.status: the column mine of table tickets depends on its type",),
        former=VARCHAR,
    ),
    "published_rows_of_a_column": Refused(
        "CREATE PUBLICATION %(database)s FOR TABLE tickets WHERE (id <> '')",
        ("tickets.id: the publication of table tickets in publication %(database)s depends",),
        min_version=15,
    ),
    "row_type": Refused(
        "CREATE TABLE copies (ticket tickets, more tickets[])",
        ("its row type is the type of the column ticket of the table copies",),
    ),
    # Statements that do something else.
    "rule_instead": Refused(
        "CREATE RULE keep AS ON DELETE TO tickets DO INSTEAD NOTHING",
        ("tickets: the rule keep changes what statements do. Run: DROP RULE keep ON tickets",),
    ),
    "rule_also": Refused(
        "CREATE RULE told AS ON INSERT TO log_entries DO ALSO NOTIFY told",
        ("DROP RULE told ON log_entries",),
    ),
    "soft_deletion": Refused(
        "ALTER TABLE tickets ADD COLUMN removed boolean;" + SOFT_DELETE,
        (
            "tickets: a row cannot be deleted",
            "the trigger soft_delete prevents",
            "ALTER TABLE tickets DISABLE TRIGGER soft_delete",
        ),
    ),
    "soft_deletion_always": Refused(
        "ALTER TABLE tickets ADD removed boolean, ADD n serial;"
        + SOFT_DELETE
        + "ALTER TABLE tickets ENABLE ALWAYS TRIGGER soft_delete",
        ("the trigger soft_delete prevents",),
    ),
    "trigger_without_updates": Refused(
        trigger("frozen", "BEFORE UPDATE ON tickets", "RETURN OLD;"),
        ("tickets: a row cannot be updated", "the trigger frozen prevents or replaces it"),
    ),
    "trigger_with_another_id": Refused(
        trigger("renumber", "BEFORE INSERT ON tickets", "NEW.id := 'x'; RETURN NEW;"),
        ("tickets: a row cannot be inserted", "the trigger renumber prevents or replaces it"),
    ),
    "trigger_without_log": Refused(
        trigger("silent", "BEFORE INSERT ON log_entries", "RETURN NULL;"),
        ("log_entries: a row cannot be inserted", "the trigger silent"),
    ),
    "trigger_that_raises": Refused(
        trigger("strict", "AFTER INSERT ON tickets", "RAISE EXCEPTION 'not by you';"),
        ("tickets: a row cannot be inserted: not by you", "PL/pgSQL function strict()"),
    ),
    "deferred_trigger_that_raises": Refused(
        """
        CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'too late'; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER DELETE ON tickets DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION late();
        """,
        ("tickets: a row cannot be deleted: too late",),
    ),
    "statement_trigger_that_raises": Refused(
        """
        CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'read only'; END $$;
        CREATE TRIGGER closed BEFORE UPDATE ON tickets EXECUTE FUNCTION closed();
        """,
        ("tickets: a row cannot be updated: read only",),
    ),
    "check_without_columns": Refused(
        "ALTER TABLE tickets ADD CONSTRAINT read_only CHECK (FALSE) NOT VALID",
        ("tickets: a row cannot be inserted", 'violates check constraint "read_only"'),
    ),
    "check_that_the_default_violates": Refused(
        """
        ALTER TABLE tickets ADD tenant int,
            ADD CONSTRAINT rented CHECK (tenant IS NOT NULL) NOT VALID
        """,
        ("tickets: a row cannot be inserted", 'violates check constraint "rented"'),
    ),
    "published_columns": Refused(
        "CREATE PUBLICATION %(database)s FOR TABLE tickets (subject)",
        ("tickets: a row cannot be updated", "does not cover the replica identity"),
        min_version=15,
    ),
    "event_trigger": Refused(
        """
        CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'ask the owner'; END $$;
        CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no_ddl();
        """,
        ("PostgreSQL rejected the migration", "ask the owner", "PL/pgSQL function no_ddl()"),
    ),
    # Foreign keys.
    "foreign_key_of_a_uuid": Refused(
        """
        DELETE FROM tickets; ALTER TABLE tickets ALTER id TYPE uuid USING id::uuid;
        CREATE TABLE comments (ticket_id uuid REFERENCES tickets);
        """,
        (
            "tickets.id: its type becomes text",
            'the foreign key "comments_ticket_id_fkey" of the table comments',
            'ALTER TABLE comments DROP CONSTRAINT "comments_ticket_id_fkey"',
        ),
    ),
    "foreign_key_to_a_dropped_constraint": Refused(
        """
        ALTER TABLE tickets ADD CONSTRAINT one UNIQUE (customer_email);
        CREATE TABLE customers (email text REFERENCES tickets (customer_email));
        """,
        ('needs "one", which the adoption replaces', "ALTER TABLE customers DROP CONSTRAINT"),
    ),
    "foreign_key_to_a_composite_key": Refused(
        """
        ALTER TABLE tickets DROP CONSTRAINT tickets_pkey, ADD PRIMARY KEY (id, status);
        CREATE TABLE comments (id text, status text, FOREIGN KEY (id, status) REFERENCES tickets);
        """,
        ('needs "tickets_pkey", which the adoption replaces',),
    ),
    "foreign_key_to_an_enumeration": Refused(
        """
        CREATE TYPE level AS ENUM ('low', 'medium', 'high');
        CREATE TABLE levels (name level PRIMARY KEY);
        INSERT INTO levels SELECT unnest(enum_range(NULL::level));
        ALTER TABLE tickets ALTER priority TYPE level USING priority::level,
            ADD CONSTRAINT known FOREIGN KEY (priority) REFERENCES levels;
        """,
        ("tickets.priority: its type becomes text", 'DROP CONSTRAINT "known"'),
    ),
    "foreign_key_to_an_unlogged_table": Refused(
        """
        CREATE UNLOGGED TABLE staff (name text PRIMARY KEY);
        ALTER TABLE tickets SET UNLOGGED;
        ALTER TABLE tickets ADD keeper text REFERENCES staff;
        """,
        ("refers to an UNLOGGED table. Run: ALTER TABLE staff SET LOGGED",),
    ),
    # Names.
    "table_of_the_same_name": Refused(
        "CREATE TABLE api_tokens (id int)",
        ('"api_tokens" exists already', 'ALTER TABLE "api_tokens" RENAME TO "api_tokens_old"'),
    ),
    "index_of_the_same_name": Refused(
        "CREATE INDEX tickets_by_subject ON tickets (subject)",
        ('the index of the table "tickets"', 'ALTER INDEX "tickets_by_subject" RENAME'),
    ),
    "sequence_of_the_same_name": Refused(
        "CREATE SEQUENCE log_entries_sequence", ('ALTER SEQUENCE "log_entries_sequence" RENAME',)
    ),
    "type_of_the_same_name": Refused(
        "CREATE TYPE ticket_events AS ENUM ('a')", ('ALTER TYPE "ticket_events" RENAME TO',)
    ),
    "function_of_the_same_name": Refused(
        """
        CREATE FUNCTION jsonb_merge_patch(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1'
        """,
        ("The function jsonb_merge_patch(jsonb,jsonb) exists already",),
    ),
    "function_of_a_later_migration": Refused(
        "CREATE FUNCTION fold_case(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        ("The function fold_case(text) exists already",),
    ),
    "dictionary_of_the_same_name": Refused(
        "CREATE TEXT SEARCH DICTIONARY ticket_words (TEMPLATE = simple)",
        ('ALTER TEXT SEARCH DICTIONARY "ticket_words" RENAME TO',),
    ),
    "constraint_of_the_same_name": Refused(
        "ALTER TABLE tickets ADD mine int CONSTRAINT tickets_version_check CHECK (mine > 0)",
        ('RENAME CONSTRAINT "tickets_version_check" TO "tickets_version_check_old"',),
    ),
    "names_in_a_database_without_tickets": Refused(
        "DROP TABLE tickets, log_entries; CREATE TABLE ticket_events (id int)",
        ('"ticket_events" exists already',),
    ),
    # Tables that would not be noticed.
    "another_case": Refused(
        'ALTER TABLE tickets RENAME TO "Tickets"',
        ('"Tickets" has the columns of the former', 'ALTER TABLE "Tickets" RENAME TO tickets'),
    ),
    "camel_case": Refused(
        'ALTER TABLE log_entries RENAME TO "LogEntries"',
        ('ALTER TABLE "LogEntries" RENAME TO log_entries',),
    ),
    "another_schema": Refused(
        """
        CREATE SCHEMA old; ALTER TABLE tickets SET SCHEMA old;
        ALTER TABLE log_entries SET SCHEMA old;
        """,
        ("old.tickets has the columns of the former service", 'put "old" first in the search_path'),
    ),
    "second_in_the_search_path": Refused(
        "CREATE SCHEMA app; ALTER DATABASE %(database)s SET search_path = app, public",
        (
            '"tickets" is in the schema "public", but new tables are created in "app"',
            'ALTER TABLE tickets SET SCHEMA "app"',
        ),
    ),
    # Rows that would come back.
    "deleted_at": Refused(
        """
        ALTER TABLE tickets ADD COLUMN deleted_at timestamptz;
        UPDATE tickets SET deleted_at = now() WHERE id IN ('5', '6f1c');
        """,
        ("tickets.deleted_at: marks 2 rows as deleted", 'WHERE "deleted_at" IS NOT NULL'),
    ),
    "is_deleted": Refused(
        """
        ALTER TABLE log_entries ADD COLUMN "isDeleted" boolean DEFAULT FALSE;
        UPDATE log_entries SET "isDeleted" = TRUE WHERE id = 'l1';
        """,
        ("log_entries.isDeleted: marks 1 row as deleted",),
    ),
    "deleted_flag": Refused(
        """
        ALTER TABLE tickets ADD COLUMN deleted int NOT NULL DEFAULT 0;
        UPDATE tickets SET deleted = 1 WHERE id = '5';
        """,
        ("tickets.deleted: marks 1 row as deleted",),
    ),
    # The record of migrations.
    "aerich_of_another_kind": Refused(
        "CREATE TABLE aerich (id int)",
        ('"aerich" exists, but the migrations cannot be recorded in it: it has no column',),
    ),
    "aerich_with_another_type": Refused(
        "CREATE TABLE aerich (id serial, version int, app text, content jsonb)",
        ('its column "version" is integer',),
    ),
    "aerich_as_a_view": Refused("CREATE VIEW aerich AS SELECT 1 AS id", ("it is not a table",)),
    "aerich_of_another_program": Refused(
        """
        CREATE TABLE aerich (id serial PRIMARY KEY, version varchar(255) NOT NULL,
            app varchar(100) NOT NULL, content jsonb NOT NULL);
        INSERT INTO aerich (version, app, content) VALUES
            ('None_init.py', 'models', '{}'), ('3_2024_more.py', 'models', '{}');
        """,
        ('The table "aerich" records the migrations of another program, such as "3_2024_more.py"',),
    ),
}
