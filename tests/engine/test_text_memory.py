"""Tests of the memory that texts take, compared with the real objects."""

import random
import sys

import pytest

from engine.database.text_memory import LONG_BYTES, TextMemory

# Between the texts of rows: lengths, and numbers of any bytes.
SEPARATOR = b"\0\0\x10\xf0\x9f\x98\x80\0\0\xff\0"
TEXTS = {
    "ASCII": "a" * 50_000,
    "Latin-1": "ü" * 50_000,
    "BMP": "a" * 50_000 + "€",
    "only BMP": "€" * 50_000,
    "emoji at the end": "a" * 50_000 + "\U0001f600",
    "emoji at the beginning": "\U0001f600" + "a" * 50_000,
    "only emoji": "\U0001f600" * 50_000,
    "emoji among Cyrillic": "ж" * 25_000 + "\U0001f600" + "ж" * 25_000,
}
# Bytes of an object without its characters, and more.
HEADER_BYTES = 100
# The characters of texts without an emoji are estimated: by this share of their bytes at most.
INACCURACY = 0.02


def counted(data: bytes, part_bytes: int) -> int:
    texts = TextMemory()
    return sum(
        texts.add(data[start : start + part_bytes]) for start in range(0, len(data), part_bytes)
    )


def real(text: str) -> int:
    return max(0, sys.getsizeof(text) - HEADER_BYTES - len(text.encode()))


@pytest.mark.parametrize("part_bytes", [997, 4096, 65_536, 10**9])
@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_counts_the_memory_that_it_takes(name: str, part_bytes: int) -> None:
    text = TEXTS[name]
    # Texts around it do not change that.
    row = SEPARATOR + b"a" * 300 + SEPARATOR + text.encode() + SEPARATOR + b"b" * 2000
    assert abs(counted(row, part_bytes) - real(text)) <= HEADER_BYTES + INACCURACY * len(row)


@pytest.mark.parametrize("part_bytes", [1000, 65_536, 10**9])
def test_each_text_counts_for_itself(part_bytes: int) -> None:
    rows = b"".join(SEPARATOR + text.encode() for text in TEXTS.values()) + SEPARATOR
    expected = sum(map(real, TEXTS.values()))
    assert expected > 2 * 150_000
    allowed = len(TEXTS) * HEADER_BYTES + INACCURACY * len(rows)
    assert abs(counted(rows, part_bytes) - expected) <= allowed


def test_short_texts_and_numbers_are_not_counted() -> None:
    chance = random.Random(5)  # noqa: S311  # repeatable
    rows = b"".join(
        SEPARATOR + chance.randbytes(8) + b"\0" + ("a" * 200 + "\U0001f600").encode()
        for _ in range(1000)
    )
    assert len(rows) > 100 * LONG_BYTES
    assert counted(rows, 65_536) == 0
