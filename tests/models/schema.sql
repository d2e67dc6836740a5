CREATE FUNCTION public.feed_transaction_offset() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$SELECT 0::bigint$$;

CREATE FUNCTION public.fold_case(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
SELECT CASE
    WHEN octet_length(value) = char_length(value) THEN lower(value COLLATE "C")
    ELSE public.fold_letters(value)
END
$$;

CREATE FUNCTION public.fold_letters(value text) RETURNS text
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

CREATE FUNCTION public.set_ticket_search() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.search := public.ticket_search_vector(
        NEW.subject, NEW.description, NEW.customer_name, NEW.customer_email, NEW.customer_phone
    );
    RETURN NEW;
END
$$;

CREATE FUNCTION public.ticket_search_fold(value text) RETURNS text
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
    folded := public.fold_letters(folded);
    IF folded ~ '[\u00ad\u034f\u055b-\u055c\u055e\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u061c\u0640\u064b-\u0652\u0670\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]' THEN
        folded := regexp_replace(folded, '[\u00ad\u034f\u055b-\u055c\u055e\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u061c\u0640\u064b-\u0652\u0670\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]+', '', 'g');
    END IF;
    IF folded ~ '[\u0080-\u00bf\u00d7\u00f7\u02c2-\u02df\u037e\u0387\u055a\u055d\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964-\u0965\u0970\u0df4\u0e2f\u0e3f\u0e4f\u0e5a-\u0e5b\u0f00-\u0f17\u0f3a-\u0f3d\u104a-\u104f\u10fb\u1360-\u1368\u166d-\u166e\u1680\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\u31c0-\u31ef\ufd3e-\ufd3f\ufe10-\ufe6f\uff5f-\uff65\uffe0-\uffff\U00010100-\U00010102\U0001d000-\U0001d1ff\U0001f000-\U0001faff]' THEN
        folded := regexp_replace(folded, '[\u0080-\u00bf\u00d7\u00f7\u02c2-\u02df\u037e\u0387\u055a\u055d\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964-\u0965\u0970\u0df4\u0e2f\u0e3f\u0e4f\u0e5a-\u0e5b\u0f00-\u0f17\u0f3a-\u0f3d\u104a-\u104f\u10fb\u1360-\u1368\u166d-\u166e\u1680\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u2000-\u206f\u20a0-\u20cf\u2100-\u214f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30a0\u30fb\u31c0-\u31ef\ufd3e-\ufd3f\ufe10-\ufe6f\uff5f-\uff65\uffe0-\uffff\U00010100-\U00010102\U0001d000-\U0001d1ff\U0001f000-\U0001faff]+', ' ', 'g');
    END IF;
    RETURN folded;
END
$$;

CREATE FUNCTION public.ticket_search_pairs(folded text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
    IF folded !~ '[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff]' THEN
        RETURN folded;
    END IF;
    RETURN regexp_replace(
        regexp_replace(folded, '((?:[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*)+)', ' \1 ', 'g'), '([\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*)', '\1 \1', 'g'
    );
END
$$;

CREATE FUNCTION public.ticket_search_query(words text) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET standard_conforming_strings TO 'on'
    AS $_$
DECLARE
    folded text := public.ticket_search_fold(
        translate(words, E'\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02', repeat('"', 7))
    );
    has_pairs boolean := folded ~ '[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff]';
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
        result := websearch_to_tsquery('public.ticket_words', folded);
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
            term := public.ticket_search_pairs(term);
            -- A text that contains abc has ab bc, but a and c alone only where it begins and ends.
            IF is_phrase THEN
                term := regexp_replace(term, '^\s*[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*(?=\s[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff])', '');
                term := regexp_replace(term, '([\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*)\s[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*\s*$', '\1');
            ELSE
                term := regexp_replace(term, '(^|\s)[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*(?=\s[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff])', '\1', 'g');
                term := regexp_replace(term, '([\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*)\s[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*(?![\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff]|[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a])', '\1', 'g');
            END IF;
        END IF;
        CONTINUE WHEN length(to_tsvector('public.ticket_words', term)) = 0;
        IF is_phrase THEN
            terms := terms || ' ' || minus || '"' || term || '"';
        ELSIF length(to_tsvector('pg_catalog.english', term)) > 0 THEN
            terms := terms || ' ' || term;
        ELSE
            stop_words := stop_words || ' ' || term;
        END IF;
    END LOOP;
    result := websearch_to_tsquery('public.ticket_words', concat_ws(
        ' or ', nullif(alternatives, ''), coalesce(nullif(terms, ''), nullif(stop_words, ''))
    ));
    IF has_pairs THEN
        -- One character alone: the first of any pair. Not in a phrase, where PostgreSQL would
        -- collect the positions of all these pairs.
        result := regexp_replace(result::text, '(?<!> )(''[\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaaaf\uaab1\uaab5-\uaab6\uaab9-\uaabd\uaac0\uaac2\uaadb-\uaadd\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\uac00-\ud7a3\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u1a55-\u1a7f\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\u3099-\u309a]*'')(?! <)', '\1:*', 'g')::tsquery;
    END IF;
    RETURN result;
END
$_$;

CREATE FUNCTION public.ticket_search_vector(subject text, description text, customer_name text, customer_email text, customer_phone text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET standard_conforming_strings TO 'on'
    AS $$
DECLARE
    words text := public.ticket_search_pairs(public.ticket_search_fold(
        subject || ' ' || customer_name || ' ' || customer_email || ' '
        || translate(customer_email, '@', ' ') || ' ' || translate(customer_email, '@.', '  ') || ' '
        || coalesce(customer_phone, '') || ' ' || description
    ));
BEGIN
    RETURN to_tsvector('public.ticket_words', words);
EXCEPTION WHEN program_limit_exceeded THEN
    -- More than 1 MiB of different words: the first ones are found.
    RETURN to_tsvector('public.ticket_words', left(words, 20000));
END
$$;

CREATE TEXT SEARCH DICTIONARY public.ticket_words (
    TEMPLATE = pg_catalog.snowball,
    language = 'english' );

CREATE TEXT SEARCH CONFIGURATION public.ticket_words (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR asciiword WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR word WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR hword_part WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR hword_asciipart WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR asciihword WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR hword WITH public.ticket_words;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ticket_words
    ADD MAPPING FOR uint WITH simple;

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
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.05');

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
    transaction bigint DEFAULT (txid_current() + public.feed_transaction_offset()) NOT NULL,
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
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02', autovacuum_freeze_min_age='0');

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
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

CREATE TABLE public.schema_compatibility (
    version text NOT NULL,
    oldest_code integer NOT NULL,
    CONSTRAINT schema_compatibility_oldest_code_check CHECK ((oldest_code >= 0))
);

CREATE TABLE public.ticket_events (
    id text NOT NULL,
    ticket_id text NOT NULL,
    type text NOT NULL,
    at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    actor text,
    request_id text,
    changes jsonb NOT NULL,
    transaction bigint DEFAULT (txid_current() + public.feed_transaction_offset()) NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT ticket_events_actor_check CHECK ((char_length(actor) <= 200)),
    CONSTRAINT ticket_events_changes_check CHECK ((jsonb_typeof(changes) = 'array'::text)),
    CONSTRAINT ticket_events_id_check CHECK (((char_length(id) >= 1) AND (char_length(id) <= 64))),
    CONSTRAINT ticket_events_request_id_check CHECK ((char_length(request_id) <= 128)),
    CONSTRAINT ticket_events_ticket_id_check CHECK (((char_length(ticket_id) >= 1) AND (char_length(ticket_id) <= 64))),
    CONSTRAINT ticket_events_type_check CHECK ((type = ANY (ARRAY['created'::text, 'updated'::text, 'deleted'::text, 'ops_state_changed'::text])))
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02', autovacuum_freeze_min_age='0');

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
    search tsvector,
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
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

ALTER TABLE ONLY public.aerich ALTER COLUMN id SET DEFAULT nextval('public.aerich_id_seq'::regclass);

ALTER TABLE ONLY public.idempotency_keys ALTER COLUMN id SET DEFAULT nextval('public.idempotency_keys_id_seq'::regclass);

ALTER TABLE ONLY public.log_entries ALTER COLUMN sequence SET DEFAULT (nextval('public.log_entries_sequence'::regclass) + ((hashint8extended(((EXTRACT(epoch FROM pg_postmaster_start_time()) * (1000000)::numeric))::bigint, (pg_backend_pid())::bigint) & (4194303)::bigint) << 40));

ALTER TABLE ONLY public.ticket_events ALTER COLUMN sequence SET DEFAULT (nextval('public.ticket_events_sequence'::regclass) + ((hashint8extended(((EXTRACT(epoch FROM pg_postmaster_start_time()) * (1000000)::numeric))::bigint, (pg_backend_pid())::bigint) & (4194303)::bigint) << 40));

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

ALTER TABLE ONLY public.schema_compatibility
    ADD CONSTRAINT schema_compatibility_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.ticket_events
    ADD CONSTRAINT ticket_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX idempotency_keys_of_identity ON public.idempotency_keys USING btree (caller_identity, key) WHERE (caller_identity IS NOT NULL);

CREATE INDEX log_entries_by_timestamp ON public.log_entries USING btree ("timestamp", id);

CREATE INDEX log_entries_in_order ON public.log_entries USING btree (transaction, sequence);

CREATE INDEX log_entries_of_delivery ON public.log_entries USING btree (delivery_id, "timestamp", id);

CREATE INDEX log_entries_of_result ON public.log_entries USING btree (status, action, "timestamp", id);

CREATE INDEX log_entries_of_ticket ON public.log_entries USING btree (ticket_id, "timestamp", id);

CREATE INDEX ops_deliveries_by_created_at ON public.ops_deliveries USING btree (created_at, id);

CREATE INDEX ops_deliveries_due ON public.ops_deliveries USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE INDEX ops_deliveries_failed ON public.ops_deliveries USING btree (created_at, id) WHERE (state = 'failed'::text);

CREATE INDEX ops_deliveries_of_ticket ON public.ops_deliveries USING btree (ticket_id, created_at, id);

CREATE UNIQUE INDEX ops_deliveries_one_pending ON public.ops_deliveries USING btree (ticket_id) WHERE (state = 'pending'::text);

CREATE INDEX ops_deliveries_pending ON public.ops_deliveries USING btree (created_at, id) WHERE (state = 'pending'::text);

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

CREATE INDEX tickets_of_assignee_states_created ON public.tickets USING btree (assigned_to, status, priority, ops_state, created_at, id);

CREATE INDEX tickets_of_assignee_states_updated ON public.tickets USING btree (assigned_to, status, priority, ops_state, updated_at, id);

CREATE INDEX tickets_of_category_states_created ON public.tickets USING btree (category, status, priority, ops_state, created_at, id);

CREATE INDEX tickets_of_category_states_updated ON public.tickets USING btree (category, status, priority, ops_state, updated_at, id);

CREATE INDEX tickets_of_customer ON public.tickets USING btree (customer_email, created_at, id);

CREATE INDEX tickets_of_customer_name ON public.tickets USING btree (customer_name, created_at, id);

CREATE INDEX tickets_of_states_created ON public.tickets USING btree (status, priority, ops_state, created_at, id);

CREATE INDEX tickets_of_states_updated ON public.tickets USING btree (status, priority, ops_state, updated_at, id);

CREATE INDEX tickets_of_status ON public.tickets USING btree (status, created_at, id);

CREATE INDEX tickets_search ON public.tickets USING gin (search);

CREATE TRIGGER zz_ticket_search_insert BEFORE INSERT ON public.tickets FOR EACH ROW EXECUTE FUNCTION public.set_ticket_search();

CREATE TRIGGER zz_ticket_search_update BEFORE UPDATE ON public.tickets FOR EACH ROW WHEN ((((((new.subject IS DISTINCT FROM old.subject) OR (new.description IS DISTINCT FROM old.description)) OR (new.customer_name IS DISTINCT FROM old.customer_name)) OR (new.customer_email IS DISTINCT FROM old.customer_email)) OR (new.customer_phone IS DISTINCT FROM old.customer_phone))) EXECUTE FUNCTION public.set_ticket_search();
