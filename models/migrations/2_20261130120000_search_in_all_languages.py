r"""Search in the languages of the world, and letters compared without their case on any server.

The column ``search`` was generated from the configuration english: without stop words, without the words
of languages that are written without spaces, and with letters folded by the locale of the database. Triggers
now keep it, because a new generated column would rewrite the table under a lock that blocks all
writes. Older versions keep working, but their searches do not find words that have another form in the
new values, such as those with a sharp s and those of Chinese.

The functions fold text in the same way on every server. ``normalize`` does not depend on the locale.
``lower`` does: it uses the built-in locale of PostgreSQL from version 17 on, else ICU, else the
locale C.UTF-8 of the system, and only without all of them the locale of the database. Other programs
call the functions in their own sessions, in which a backslash may have another meaning.
"""

from functools import partial

from tortoise import BaseDBAsyncClient
from tortoise.backends.base.client import TransactionalDBClient
from tortoise.transactions import in_transaction

from models.migrations.compatibility import Description, TableLock
from models.migrations.locking import with_lock

DESCRIPTION = Description(
    oldest_code=0,
    locks=(TableLock("tickets", blocks="reads and writes", lasts="a moment"),),
    note="Then fills the search of every ticket, 0.3 ms each, in batches that lock only their rows.",
)

# An interrupted migration continues when it is run again: what it has done is not done twice.
RUN_IN_TRANSACTION = False

BATCH_SIZE = 200

# Bases of scripts that are written without spaces: Thai, Lao, Myanmar, Khmer, Tai scripts, Chinese,
# Japanese, Yi; and Korean, whose particles are written without a space after the noun.
_BASE = (
    r"[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
    r"\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081"
    r"\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6"
    r"\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b"
    r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f"
    r"\U00020000-\U0003ffff]"
)
# Vowel signs and tone marks of these scripts, which belong to the base before them.
_MARKS = (
    r"[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059"
    r"\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d"
    r"\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1"
    r"\u3099-\u309a]"
)
_UNIT = f"{_BASE}{_MARKS}*"
# Characters without a meaning for a search: soft hyphens, joiners and marks of direction, variation
# selectors, the vowel points of Arabic and Hebrew, and marks inside Armenian words.
_IGNORED = (
    r"[\u00ad\u034f\u055b-\u055c\u055e\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u061c\u0640"
    r"\u064b-\u0652\u0670\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\U000e0000-\U000e01ef]"
)
# Punctuation and symbols outside ASCII. The parser takes them for letters if the locale is C.
_SEPARATORS = (
    r"[\u0080-\u00bf\u00d7\u00f7\u02c2-\u02df\u037e\u0387\u055a\u055d\u055f\u0589-\u058f\u05be\u05c0"
    r"\u05c3\u05c6\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964-\u0965\u0970\u0df4\u0e2f\u0e3f"
    r"\u0e4f\u0e5a-\u0e5b\u0f00-\u0f17\u0f3a-\u0f3d\u104a-\u104f\u10fb\u1360-\u1368\u166d-\u166e\u1680"
    r"\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u2bff"
    r"\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\u31c0-\u31ef\ufd3e-\ufd3f"
    r"\ufe10-\ufe6f\uff5f-\uff65\uffe0-\uffff\U00010100-\U00010102\U0001d000-\U0001d1ff"
    r"\U0001f000-\U0001faff]"
)

_WORDS = """
-- The words of a text by their English stems, as the configuration english has them, stop words
-- included.
CREATE TEXT SEARCH DICTIONARY ticket_words (TEMPLATE = snowball, LANGUAGE = english);
CREATE TEXT SEARCH CONFIGURATION ticket_words (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION ticket_words
    ALTER MAPPING REPLACE pg_catalog.english_stem WITH ticket_words;
"""

_FOLDING = r"""
-- Text in NFC with small letters. Letters that share a capital in any language are one letter.
CREATE FUNCTION fold_letters(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    folded text := CASE WHEN value IS NFC NORMALIZED THEN value ELSE normalize(value, NFC) END;
    -- The dotted and the dotless i, the sigma, the long s and the sharp s.
    share_capitals boolean := folded ~ '[\u00df\u0130\u0131\u017f\u03a3\u03c2\u1e9e]|i\u0307';
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        folded := lower(folded COLLATE pg_catalog.pg_c_utf8);
    ELSIF to_regcollation('pg_catalog."und-x-icu"') IS NOT NULL THEN
        folded := lower(folded COLLATE pg_catalog."und-x-icu");
    ELSIF to_regcollation('pg_catalog."C.utf8"') IS NOT NULL THEN
        folded := lower(folded COLLATE pg_catalog."C.utf8");
    ELSE
        folded := lower(folded);
    END IF;
    IF share_capitals THEN
        folded := replace(replace(folded, E'i\u0307', 'i'), E'\u0131', 'i');
        folded := replace(replace(folded, E'\u03c2', E'\u03c3'), E'\u017f', 's');
        -- An accent after one of these letters may now compose with its replacement.
        folded := normalize(replace(folded, E'\u00df', 'ss'), NFC);
    END IF;
    RETURN folded;
END
$$;

CREATE FUNCTION fold_case(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN octet_length(value) = char_length(value) THEN lower(value COLLATE "C")
    ELSE {schema}.fold_letters(value)
END
$$;
"""

_SEARCH = r"""
-- The form in which texts are searched: folded, with only the characters that make words.
CREATE FUNCTION ticket_search_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    folded text;
BEGIN
    IF octet_length(value) = char_length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    -- NFKC, so that the wide forms of letters and digits are the same as the others.
    folded := CASE WHEN value IS NFKC NORMALIZED THEN value ELSE normalize(value, NFKC) END;
    folded := {schema}.fold_letters(folded);
    IF folded ~ '{ignored}' THEN
        folded := regexp_replace(folded, '{ignored}+', '', 'g');
    END IF;
    IF folded ~ '{separators}' THEN
        folded := regexp_replace(folded, '{separators}+', ' ', 'g');
    END IF;
    RETURN folded;
END
$$;

-- Pairs of characters instead of the words of scripts without spaces: abc becomes a ab bc c.
CREATE FUNCTION ticket_search_pairs(folded text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    IF folded !~ '{base}' THEN
        RETURN folded;
    END IF;
    RETURN regexp_replace(
        regexp_replace(folded, '((?:{unit})+)', ' \1 ', 'g'), '({unit})', '\1 \1', 'g'
    );
END
$$;

-- The description comes last: positions after 16,383 are not stored.
CREATE FUNCTION ticket_search_vector(
    subject text, description text, customer_name text, customer_email text, customer_phone text
) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET standard_conforming_strings = on
AS $$
DECLARE
    words text := {schema}.ticket_search_pairs({schema}.ticket_search_fold(
        subject || ' ' || customer_name || ' ' || customer_email || ' '
        || translate(customer_email, '@', ' ') || ' ' || translate(customer_email, '@.', '  ') || ' '
        || coalesce(customer_phone, '') || ' ' || description
    ));
BEGIN
    RETURN to_tsvector('{schema}.ticket_words', words);
EXCEPTION WHEN program_limit_exceeded THEN
    -- More than 1 MiB of different words: the first ones are found.
    RETURN to_tsvector('{schema}.ticket_words', left(words, 20000));
END
$$;

-- A search in web search syntax. A stop word is only searched for in a phrase, if it is excluded, or
-- if an alternative consists of stop words.
CREATE FUNCTION ticket_search_query(words text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET standard_conforming_strings = on
AS $$
DECLARE
    folded text := {schema}.ticket_search_fold(
        translate(words, E'\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02', repeat('"', 7))
    );
    has_pairs boolean := folded ~ '{base}';
    minus text;
    term text;
    is_phrase boolean;
    terms text := '';
    stop_words text := '';
    alternatives text := '';
    result tsquery;
BEGIN
    IF NOT has_pairs AND folded NOT LIKE '%- %' THEN
        -- Without stop words, as in most searches, both configurations find the same number.
        result := websearch_to_tsquery('{schema}.ticket_words', folded);
        IF numnode(result) = numnode(websearch_to_tsquery('pg_catalog.english', folded)) THEN
            RETURN result;
        END IF;
    END IF;
    FOR minus, term IN
        SELECT parts[1], parts[2]
        FROM regexp_matches(folded, '(-*)("[^"]*"?|[^\s"]+)', 'g') AS parts
    LOOP
        is_phrase := term LIKE '"%' OR minus <> '';
        IF term = 'or' AND minus = '' AND terms || stop_words <> '' THEN
            alternatives := concat_ws(
                ' or ', nullif(alternatives, ''), coalesce(nullif(terms, ''), stop_words)
            );
            terms := '';
            stop_words := '';
            CONTINUE;
        END IF;
        term := translate(term, '"', '');
        IF has_pairs THEN
            term := {schema}.ticket_search_pairs(term);
            -- A text that contains abc has ab bc, but a and c alone only where it begins and ends.
            IF is_phrase THEN
                term := regexp_replace(term, '^\s*{unit}(?=\s{base})', '');
                term := regexp_replace(term, '({unit}{unit})\s{unit}\s*$', '\1');
            ELSE
                term := regexp_replace(term, '(^|\s){unit}(?=\s{base})', '\1', 'g');
                term := regexp_replace(term, '({unit}{unit})\s{unit}(?!{base}|{marks})', '\1', 'g');
            END IF;
        END IF;
        CONTINUE WHEN length(to_tsvector('{schema}.ticket_words', term)) = 0;
        IF is_phrase THEN
            terms := terms || ' ' || minus || '"' || term || '"';
        ELSIF length(to_tsvector('pg_catalog.english', term)) > 0 THEN
            terms := terms || ' ' || term;
        ELSE
            stop_words := stop_words || ' ' || term;
        END IF;
    END LOOP;
    result := websearch_to_tsquery('{schema}.ticket_words', concat_ws(
        ' or ', nullif(alternatives, ''), coalesce(nullif(terms, ''), nullif(stop_words, ''))
    ));
    IF has_pairs THEN
        -- One character alone: the first of any pair. Not in a phrase, where PostgreSQL would
        -- collect the positions of all these pairs.
        result := regexp_replace(result::text, '(?<!> )(''{unit}'')(?! <)', '\1:*', 'g')::tsquery;
    END IF;
    RETURN result;
END
$$;
"""

_TRIGGERS = """
CREATE FUNCTION set_ticket_search() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.search := {schema}.ticket_search_vector(
        NEW.subject, NEW.description, NEW.customer_name, NEW.customer_email, NEW.customer_phone
    );
    RETURN NEW;
END
$$;

ALTER TABLE tickets ALTER COLUMN search DROP EXPRESSION;

-- Triggers run in the order of their names: after others, which may change the texts.
CREATE TRIGGER zz_ticket_search_insert BEFORE INSERT ON tickets
    FOR EACH ROW EXECUTE FUNCTION {schema}.set_ticket_search();
CREATE TRIGGER zz_ticket_search_update BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (
        (
            NEW.subject, NEW.description, NEW.customer_name, NEW.customer_email, NEW.customer_phone
        ) IS DISTINCT FROM (
            OLD.subject, OLD.description, OLD.customer_name, OLD.customer_email, OLD.customer_phone
        )
    )
    EXECUTE FUNCTION {schema}.set_ticket_search();
"""

_STATE = """
SELECT
    quote_ident(current_schema()) AS schema,
    EXISTS (
        SELECT
        FROM pg_trigger
        WHERE tgrelid = 'tickets'::regclass AND tgname = 'zz_ticket_search_update'
    ) AS is_defined,
    -- Every change by the service has an event.
    NOT EXISTS (SELECT FROM ticket_events) AS is_unused,
    EXISTS (SELECT FROM tickets) AS has_rows
"""
# Rewrites the table, without dead rows and without the triggers of other programs.
_REWRITE = """
ALTER TABLE tickets ALTER COLUMN search TYPE tsvector USING {schema}.ticket_search_vector(
    subject, description, customer_name, customer_email, customer_phone
);
"""
# The rows are locked first, and their vectors computed from the locked versions.
_BACKFILL = """
WITH batch AS (
    SELECT id
    FROM tickets
    WHERE id > $1
    ORDER BY id
    LIMIT $2
), vectors AS (
    SELECT
        id, search,
        {schema}.ticket_search_vector(
            subject, description, customer_name, customer_email, customer_phone
        ) AS vector
    FROM tickets JOIN batch USING (id)
    ORDER BY id
    FOR UPDATE OF tickets
), changed AS (
    UPDATE tickets
    SET search = vectors.vector
    FROM vectors
    WHERE tickets.id = vectors.id AND vectors.search IS DISTINCT FROM vectors.vector
)
SELECT max(id) AS last_id FROM batch
"""
# Triggers of other programs that would run for each row, and how they are enabled.
_OTHER_TRIGGERS = """
SELECT
    quote_ident(tgname) AS name,
    CASE tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END AS mode
FROM pg_trigger
WHERE tgrelid = 'tickets'::regclass AND NOT tgisinternal AND tgenabled <> 'D'
    AND tgname NOT LIKE 'zz\\_ticket\\_search\\_%'
ORDER BY tgname
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Replace the generated column by one that triggers keep, and fill it in batches.

    The table is locked for a moment. Each batch is a transaction of its own and locks only its rows,
    or, if other programs have triggers on the table, the table against writes. A table
    that the service has not changed yet, as after its adoption, is rewritten instead.
    """
    [state] = await db.execute_query_dict(_STATE)
    schema, is_unused = state["schema"], state["is_unused"]
    if not state["is_defined"]:
        script = _definitions(schema) + (_REWRITE.format(schema=schema) if is_unused else "")
        await with_lock(
            db, "tickets", "ACCESS EXCLUSIVE", lambda locked: locked.execute_script(script)
        )
    # In a trial that is rolled back, the locks of all batches would be held until the end.
    if not is_unused and not isinstance(db, TransactionalDBClient):
        await _backfill(db, schema)
    # Without rows, the planner has better defaults than statistics.
    return "ANALYZE tickets (search)" if state["has_rows"] else "SELECT"


def _definitions(schema: str) -> str:
    return (_WORDS + _FOLDING + _SEARCH + _TRIGGERS).format(
        schema=schema,
        unit=_UNIT,
        base=_BASE,
        marks=_MARKS,
        ignored=_IGNORED,
        separators=_SEPARATORS,
    )


async def _backfill(db: BaseDBAsyncClient, schema: str) -> None:
    last_id = ""
    while last_id is not None:
        if await db.execute_query_dict(_OTHER_TRIGGERS):
            work = partial(_fill_without_triggers, schema=schema, after=last_id)
            last_id = await with_lock(db, "tickets", "SHARE ROW EXCLUSIVE", work)
        else:
            async with in_transaction(db.connection_name) as transaction:
                await transaction.execute_script("SET LOCAL statement_timeout = 0")
                last_id = await _fill(transaction, schema=schema, after=last_id)


async def _fill(db: BaseDBAsyncClient, *, schema: str, after: str) -> str | None:
    """Fill the next batch of rows, and return its last id; None after the last row."""
    [row] = await db.execute_query_dict(_BACKFILL.format(schema=schema), [after, BATCH_SIZE])
    last_id: str | None = row["last_id"]
    return last_id


async def _fill_without_triggers(db: BaseDBAsyncClient, *, schema: str, after: str) -> str | None:
    triggers = await db.execute_query_dict(_OTHER_TRIGGERS)
    for trigger in triggers:
        await db.execute_script(f"ALTER TABLE tickets DISABLE TRIGGER {trigger['name']}")
    last_id = await _fill(db, schema=schema, after=after)
    for trigger in triggers:
        await db.execute_script(
            f"ALTER TABLE tickets ENABLE {trigger['mode']} TRIGGER {trigger['name']}"
        )
    return last_id


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return the SQL that generates the column again, which rewrites the table."""
    return """
DROP TRIGGER zz_ticket_search_insert ON tickets;
DROP TRIGGER zz_ticket_search_update ON tickets;
ALTER TABLE tickets DROP COLUMN search;
DROP FUNCTION set_ticket_search();
DROP FUNCTION ticket_search_query(text);
DROP FUNCTION ticket_search_vector(text, text, text, text, text);
DROP FUNCTION ticket_search_pairs(text);
DROP FUNCTION ticket_search_fold(text);
DROP FUNCTION fold_case(text);
DROP FUNCTION fold_letters(text);
DROP TEXT SEARCH CONFIGURATION ticket_words;
DROP TEXT SEARCH DICTIONARY ticket_words;

ALTER TABLE tickets
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        to_tsvector(
            'english'::regconfig,
            subject || ' ' || description || ' ' || customer_name || ' '
            || customer_email || ' ' || translate(customer_email, '@', ' ') || ' '
            || translate(customer_email, '@.', '  ') || ' ' || coalesce(customer_phone, '')
        )
    ) STORED;
CREATE INDEX tickets_search ON tickets USING gin (search);
"""


MODELS_STATE = (
    "eJztXWtT4zgW/SsqfyFUMRSkCdD7qkp3s9vMTsNUk9qZmmHKUWwl0WJLbksBUr393/dKtu"
    "NnjO0E2mT8CSzrSPK5sqx7rqR8NVxuE0ccDj064neEGX9BXw2GXQL/5O4dIAN7XnxHJUg8"
    "cXRm7FFTqmw6GU+E9LEl4c4UO4JAkk2E5VNPUq5qMYbI8olNmKTYQXyKMFLV2sjCjkP8Q3"
    "TNnCWSc4JuPg5/6A9OVR51KQjgJKICCcmhhENVnc0tqI+y2dZLXjD6ZUHgyWYE8vhQ/u9/"
    "QDJlNnkkIrr07swpJY6doo/aqgCdbsqlp9NG5FG+587C1WzaE9MKLlbZvaWcc7bKD0+lUm"
    "eEER9LYif4ZAvHCcmPkoLGQoL0F2TVSjtOsMkULxxlFeNv0wWzlDFQaOagJeKQkQeT2v8I"
    "25dAmObV9ci8uRiZppGzp2pNxhBhksWZ6guUSaHpcfGj6RA2k3O4PD35FtQT0xTk0mRd/D"
    "pSNXHoSUEnu/rP8PP7j8PP/d7pyb7xTWOxxAFaWyOmX/+tY4AI8FImiCh7dpL7R0cNWQZk"
    "QHNMq01nRMhaxMaQnaN24/4bEyssrsA5Yn+8ub76px5csrzGiAyvNrUk+h9yaMB6XX6jhJ"
    "jgeAx/AYZLGFVcqJJdIb44SUJ7n4a/7me4fv/T9TtNDhdy5utSdAHvMsTDqK/IMXFBr/4A"
    "dyR1SbEB0sisEULoYfTPi5riij/09p/HCKPLTxc3o+Gnn1OW+DAcXag7fZ26zKT2TjPWWR"
    "WCfrkcfUTqEv12fXWRNdgq3+g3Q7UJLyQ3GX8wsZ1kI0qOklIGJo8eheIaGDiN3IKBw5Hq"
    "Fbxqr87KDhbSXIhGL3IW21m6zZb2yT04Gk3snEZ2Vm6blZUvNb1LTOdVwgRbdw/Yt83cHd"
    "7n6/Lmb7l9N5uCGZ5pIyk2VTtDV+jSJq7HJWHW8t9kaRT4xJkcB2WeMY3zmndkWdU/ZigB"
    "RAAEJxVL8GYDPxbcVSbRA5VzSHIXEivgAcLM1s4stSO3FkwCfazATX6GCgq85d+NoDh1G+"
    "ow/tjEfX5HZ5dMFr/bhf4zvBjZtzh8ZdvrYMxUE3542++/eXPWP3pzej44OTsbnB+dQ17d"
    "3vyts5IX/93lvy6vMn6ISij3nmOjVXbzYsh23LzvPJY+ow99FwwZlZkN8+8irYNBU1oHgy"
    "ytU6iX+J4fvvSV6c3gdpDmLcoUwWhv1hQ3U6iO4DKCOzliBye2KQPr7yS8CypEIet9CQqw"
    "jd6mlvktW32ZWuJE/MRnF0z6he7D6l6p4+DwmQl29imp6DNcM4Is7rpgVktP14Pp+/XPN/"
    "npf0neW3bLRjog5t9TiyBG7sEdgOYRSQSCVqGwVeANOIIjxiU4AlwQ5REE2cBHoNYdkeKv"
    "ykXwyZT75JaNx0Eq9N/xWAXaFBIjdZPOmHJBDpGqeEqgALjNfRuwNposUQ8enQlsBU6IIN"
    "BtmUX2oQVC4aHskS764h7aNq4YuvtqxLY0EhUodFSFoTDk0YMBQMCtld1XslNsJJMyUzdZ"
    "WzF8Hw0Nh8L1hR4IkpXCQCwkdj2VDb6ONSqbLM0UumqFoQE0pHntfGoGRVWvGnoGhY603E"
    "rlUWEl1XeB2XYGZlNdsLIVUqhuBlk2g8y8aNXjtGlcN7Eo4Tj+UKTpvWALdw29MaTN3dfI"
    "zhSqENvUic+58PBBkIuCIHgJrTFk52gtk/XKaD3L0pr61tZxKVPAzqNsqUcJRXnwdAXLnd"
    "YvHkliNlo+0rIR/6VXj2ApiesVaDVrAxUJxNPRivYTHsYr+scnZyfnb05PVmGKVUrZMBZF"
    "IhKzl4Wv/VHTLfgOrCU1g+qIzRML8w9eL6KzQuzeVHCr8RxfaQWigSiehO0ex8f984YcAz"
    "I3hUnLM9Xjwhlgo5Fhe9OWmy/Oh+CqtycfqW1aC98nTPb29zaZzbxk0DgxW480sloGSaLa"
    "Y41bg8Gbeo+d3l5Saooau7d/a7wOA7VE/r72xIdIoytQwJO3D8pEcO6JSOyrpYNHYkawAy"
    "RQj5DkSuA+CFe1OA6iUqBwPiaKNfIG5Sj9/BISqBaxg8Uy6YU2UBbRhYaYQzREloOpiyiz"
    "fOJC7xNoPI5KHI/1shtBpFAiukOwIOaCSeqMxwBliC+kxV2CrDlmMxLUGTdc7Xd5mFOHoA"
    "mH9grAOWiO74nOB10evkLQpFumLoNm9KSW4QOJXXB4cs/nFhEiWCM0xyoOIKR+bt0cncQ4"
    "ItMpsdYuBirT39PRy6cF4XTHUHJ4uoQGeviGTWigiW9Y4xSDVe211aFfPl58vkBKISHo72"
    "gvyL7XSeOdNP5cX9RWEh4T7OGlw3EBveuFkgSk22azgVCiR6Hayu4Wd+RV4dvwCLMVa/VI"
    "b6Tuvm3Yq9/mYhHhNKG+BtVcK2nE7lGW1aONJ9TbU0dCRswp92fwfS3wMp9kM4XtaDW0xj"
    "ElfrGPWKqMJFC7J4xsWXxywbMwG0TOcsgWM91ohD0+bqo/HWdZ1jvEiO/XVFDTsBbz27wn"
    "b9CV1wmp4BBN6q2LzAJ3kulOsH5NgnW3jnvHo+5KLzbDqV8DKxfAuw2pbbZ3Qnata+sMtL"
    "Nzm+0c6quNhu4strN02yzdkvBYsFvBKIiMjVYhhPVBsXBzRbVo2BCJhedxX0bRKx3JshZC"
    "cpf4ReenPZn/mUM74eM1jeksPLtpdWloterEYvJfYtWvK4GrWNHKUW9KKJ8mvP1qlWIocc"
    "agLsk3rDksiVSvO+pzJnFx8OXcoPqosJLqu7BYO8NiiTelsg0SmB0MiQ0aqwGDgiP9Ei2q"
    "Q3EGt4M0nw4Gb06bdmuFfaX7GwzuEZYfNlaprZJmPZ9yv3AjdQmrSdAL8uoSmy7cPLOJ9M"
    "25bdxjcxIWPP6M+3W3qMegF2Q2KNTJU5u8sRWRsPHQe5wfelcznNqn1eaQOzj8blXzzk8m"
    "63O9gu4i2YOmEzhAriXbA5oaduwVdPcCDYPms7fc4o+0f1Z9b0cat3scb3XwcInEyj3JU7"
    "x+4VgS0+2w685n7gJpawT3tOhWx8BpZGfglhr4nviiUFxYu6IugXi5dXTHWSMeb/At2vI6"
    "OrXwv/4K2hTqBZ0xxqWpjo/Ne2OpO995DW2rQkH64CpjbTwouH3wdFDIJCpnnQPD9J6h5P"
    "amA/TgUykJQ5TpLUKJLZTBob9YhrA154ptVKTaPqUfVyDskwqHgB2iUZwu9KlmVKo9Uapk"
    "DVd7mG4ZRjAfgKvo4GJ9zBg4G57au6VTuAMESeQvGIPHSTWyNx7r/ZqCYU/MoRc/upSNx/"
    "tQLLPDI9LCUuZ0NlfFRA2EfwhTW7wUB5BN4rtwj1ZAzp7aTGXd3bLeOLR5aEqVOt5HE318"
    "mt5rlWyR2nGFoTO5k+AB1TloCFym1Sa1ORW3TD9/tA8tuIDHDzgSL3hOWqp3NjopLXlw2T"
    "baUGW7VhcRamdEqNso9cwbpTQtdaYaEaDNtDaLVDQ9hek4dwxTfQenc2xa7dh0R6p0K9Rf"
    "8Qr14LSAOppmAtJtht1A0+xOs2nHYSl/gtNs0k5Pd55NQ5VmSHxqzY0CgSa8c1D668hxnq"
    "dEmfUm2PJvEf9ZfklpQw12vRO6VtZ+P8d+XV27VY5S4yUEZQcBR59N/cs962aC+V/1US9V"
    "DYbD7DvIbvnCo4hdvcho3RywYFUMZ5IU/V5SyRwwhnRzwJpzwO/6Mfv2f+cTGhc="
)
