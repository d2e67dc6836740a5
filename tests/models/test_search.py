"""The functions of the database that search uses."""

# ruff: noqa: RUF001  # letters that look like others are meant

import unicodedata
from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from models.ticket import DESCRIPTION_MAX_LENGTH
from resolvers.tickets.filters import SEARCH_MAX_LENGTH
from tests.api.languages import SEARCHES, TICKETS

# Letters of several scripts, with combining accents and without. Words of one script, because the
# scripts without spaces end a word.
ALPHABETS = (
    "abcdeiou\u0300\u0301\u0308\u0327éüñçßøłı",
    "ABCDEIOU\u0302\u0303\u030aÉÜÑÇẞØŁİ",
    "αβγδσςΣΆά\u0301\u0308",
    "абвгдеёЁйИи\u0306\u0308",
    "अआकखगमरहिीुे्ं",
    "ابتثجحخدرسلمن",
    "東京都猫印刷機火",
    "あいうかがさざはばぱー\u3099\u309a",
    "ㄱ가나다라마바사한글\u1100\u1161\u11a8",
    "กขคงจฉนมรเแโัิีึ่้์",
    "កខគងចនមរ្ាិី",
    "ကခဂငစနမရာိီ်း",
)
WORDS = st.sampled_from(ALPHABETS).flatmap(
    lambda letters: st.text(st.sampled_from(letters), min_size=1, max_size=12)
)
VECTOR = "ticket_search_vector($1, $2, 'N', 'n@example.com', NULL)"


@pytest.fixture(scope="module")
async def session(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the worker's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def finds(session: asyncpg.Connection, words: str, subject: str, description: str) -> bool:
    """Return whether a search finds a ticket with these texts."""
    statement = f"SELECT {VECTOR} @@ ticket_search_query($3)"
    return bool(await session.fetchval(statement, subject, description, words))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(word="\u0130\u0302", before="a", after="a")
@example(word="\u00df\u0301", before="a", after="a")
@given(word=WORDS, before=WORDS, after=WORDS)
async def test_every_word_finds_the_text_that_contains_it(
    session: asyncpg.Connection, word: str, before: str, after: str
) -> None:
    # A combining character at the beginning would belong to the text before it.
    assume(not unicodedata.combining(word[0]) and unicodedata.category(word[0]) != "Mc")
    has_words = "SELECT numnode(ticket_search_query($1)) > 0"
    assume(await session.fetchval(has_words, word))
    for words in (word, f'"{word}"', f"“{word}”", word.upper(), word.lower()):
        assert await finds(session, words, "S", f"{before} {word} {after}"), words
    assert await finds(session, f"{word} -unknown", word, "D")
    assert not await finds(session, f"S -{word}", word, "D")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.lists(WORDS, max_size=5).map(" ".join))
async def test_the_form_of_a_text_makes_no_difference(
    session: asyncpg.Connection, text: str
) -> None:
    nfc, nfd = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    statement = f"SELECT {VECTOR}::text, ticket_search_query($2)::text, fold_case($2)"
    assert await session.fetchrow(statement, "S", nfc) == await session.fetchrow(
        statement, "S", nfd
    )


@pytest.mark.parametrize(
    ("start", "end", "missing"),
    [("word ", " cat dog", "mouse"), ("東京都", "猫犬", "鼠"), ("พิมพ์กำลัง", "แมวหมา", "หนู")],
)
async def test_the_end_of_the_longest_description_is_found(
    session: asyncpg.Connection, start: str, end: str, missing: str
) -> None:
    length = DESCRIPTION_MAX_LENGTH - len(end)
    longest = (start * (length // len(start) + 1))[:length] + end
    assert await finds(session, end, "S", longest)
    assert not await finds(session, missing, "S", longest)


async def test_a_text_of_too_many_words_is_found_by_its_first_ones(
    session: asyncpg.Connection,
) -> None:
    """PostgreSQL limits the vector to 1 MiB; a ticket is stored nevertheless."""
    many = "".join(f"{chr(0x10400 + n // 40 % 40)}{n}-{n + 1}-{n + 2} " for n in range(60_000))
    assert await finds(session, "first", "S", f"first {many} last")
    assert not await finds(session, "last", "S", f"first {many} last")


async def test_searches_are_the_same_in_every_session(session: asyncpg.Connection) -> None:
    """Other programs write tickets too, with settings of their own."""
    languages = [text for texts in TICKETS.values() for text in texts]
    searches = [words for words, _ in SEARCHES]
    statement = """
        SELECT
            ARRAY(
                SELECT public.ticket_search_vector(t, t, t, t, t)::text FROM unnest($1::text[]) AS t
            ),
            ARRAY(SELECT public.ticket_search_query(q)::text FROM unnest($2::text[]) AS q)
    """
    expected = await session.fetchrow(statement, languages, searches)
    async with session.transaction():
        await session.execute("SET LOCAL search_path = pg_temp")
        await session.execute("SET LOCAL standard_conforming_strings = off")
        # Expressions of functions that have run keep the plans of the former settings.
        await session.execute("DISCARD PLANS")
        assert await session.fetchrow(statement, languages, searches) == expected


@pytest.mark.parametrize(
    "words", ["東京都", "猫 ", '"猫"', "-猫犬 ", "猫 or ", "a-b ", "a-", "x@y.z/a ", "ß ", "the "]
)
async def test_the_size_of_a_search_is_bounded_by_its_characters(
    session: asyncpg.Connection, words: str
) -> None:
    """An operand and an operator for each character."""
    longest = (words * SEARCH_MAX_LENGTH)[:SEARCH_MAX_LENGTH]
    nodes = await session.fetchval("SELECT numnode(ticket_search_query($1))", longest)
    assert 0 < nodes <= 2 * SEARCH_MAX_LENGTH
