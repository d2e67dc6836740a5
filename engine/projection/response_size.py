"""Size of the response of one operation, counted before its objects are built and encoded.

A column is read once and can be selected under many aliases, and one row can occur in many places
of a response, so a small statement can give a huge response. Each statement's records are
counted when they arrive: as an upper bound as long as all bounds together are within the
limit, which costs a multiplication, and exactly beyond.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple, NoReturn

import orjson

from engine.database.memory_grants import OperationMemory
from engine.sql.tables import Column

__all__ = [
    "NO_LIMIT",
    "Path",
    "ResponseSize",
    "ResponseTooLarge",
    "RowWeights",
    "max_read_bytes",
    "repeats_of_keys",
]

NO_LIMIT = 2**62
# A control character takes six bytes in JSON: \u0001.
MAX_BYTES_PER_CHARACTER = 6
# Columns without a declared length.
_ASSUMED_MAX_LENGTH = 1_000_000
# A number, a timestamp, a boolean or a name of an enumeration: at most, and at least.
_MAX_SCALAR_BYTES = 40
_MIN_SCALAR_BYTES = 1
# Quotes, a colon and a comma.
_PUNCTUATION_BYTES = 4
# What statements may receive beyond the limit of the response: columns that are only keys, and
# the row that shows that more follow.
_MORE_TO_READ_BYTES = 2**20

# The response keys from the root to an object, and the name of its field.
Path = tuple[str, ...]


class ResponseTooLarge(Exception):
    """The response exceeds the limit; ``path`` leads to the field that weighs most."""

    def __init__(self, limit: int, path: Path = ()) -> None:
        super().__init__(".".join(path))
        self.limit = limit
        self.path = path


class _TextWeight(NamedTuple):
    """A selected text: its position in a record, how often it is sent, and its field."""

    position: int
    times: int
    name: str
    is_json: bool
    max_length: int


@dataclass
class RowWeights:
    """Bytes in the response of the objects of one selection set, for each row."""

    # Upper bounds with all texts and without any, and lower bound without any.
    max_bytes: int = 0
    max_scalar_bytes: int = 0
    min_bytes: int = 0
    # The highest number of times that one text is sent.
    max_times: int = 0
    # The longest first, because to measure these is often enough.
    texts: list[_TextWeight] = field(default_factory=list)

    def add_key(self, key: str, *, value_bytes: int = 0) -> None:
        """Count a response key with a short value, of which the length may be known."""
        size = len(key) + _PUNCTUATION_BYTES
        self.max_bytes += size + (value_bytes or _MAX_SCALAR_BYTES)
        self.max_scalar_bytes += size + (value_bytes or _MAX_SCALAR_BYTES)
        self.min_bytes += size + (value_bytes or _MIN_SCALAR_BYTES)

    def add_column(
        self, key: str, name: str, column: Column, position: int, *, times: int = 1
    ) -> None:
        """Count the values of a column, which a field sends under a response key."""
        self.add_key(key)
        if not column.is_json and column.plain_type is not str:
            return
        max_length = column.max_length or _ASSUMED_MAX_LENGTH
        self.max_bytes += max_length * times * MAX_BYTES_PER_CHARACTER
        for text in self.texts:
            if text.position == position and text.is_json == column.is_json:
                self.texts.remove(text)
                times += text.times
                break
        self.max_times = max(self.max_times, times)
        self.texts.append(_TextWeight(position, times, name, column.is_json, max_length))
        self.texts.sort(key=lambda text: text.max_length, reverse=True)


def max_read_bytes(limit: int) -> int:
    """Return how many bytes the statements for a response of this size may receive.

    The response contains all of them except a few keys, and JSON escapes make it longer.
    """
    return limit + limit // 4 + _MORE_TO_READ_BYTES


class ResponseSize:
    """The size of one response so far; raises ResponseTooLarge as soon as it exceeds the limit."""

    __slots__ = ("_bound", "_parts", "_refused", "_size", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Sum of the upper bounds of objects that were not counted exactly; within the limit.
        self._bound = 0
        self._size = 0
        self._parts: dict[Path, int] = {}
        # The path of the error. The error itself refers to the frames that it passes, and with them
        # to the records and to this object: in such a cycle they would stay in memory.
        self._refused: Path | None = None

    def reset(self) -> None:
        """Start again, for the next response of a subscription."""
        self._bound = self._size = 0
        self._parts = {}
        self._refused = None

    def check(self, memory: OperationMemory | None = None) -> None:
        """Raise the error again if there was one, or if the statements received too much."""
        if self._refused is not None:
            raise ResponseTooLarge(self.limit, self._refused)
        if memory is not None and memory.is_exceeded:
            self._fail(())

    def add_fixed(self, size: int, path: Path) -> None:
        """Count bytes of keys and short values."""
        if self._bound + size <= self.limit:
            self._bound += size
        else:
            self._add(size, path)

    def add_rows(
        self,
        records: Sequence[Sequence[Any]],
        weights: RowWeights,
        repeats: Sequence[int] | None,
        path: Path,
        received_bytes: int | None = None,
    ) -> None:
        """Count the objects of records, each of which occurs once or as often as repeated.

        Their texts have at most as many bytes as their statement received, if that is known.
        """
        count = len(records) if repeats is None else sum(repeats)
        if received_bytes is not None and repeats is None:
            text_bytes = received_bytes * weights.max_times * MAX_BYTES_PER_CHARACTER
            bound = self._bound + count * weights.max_scalar_bytes + text_bytes
            if bound <= self.limit:
                self._bound = bound
                return
        bound = self._bound + count * weights.max_bytes
        if bound <= self.limit:
            self._bound = bound
            return
        for text in weights.texts:
            characters = _characters(records, text.position, repeats)
            bound -= (count * text.max_length - characters) * text.times * MAX_BYTES_PER_CHARACTER
            if bound <= self.limit:
                self._bound = bound
                return
        self._add(count * weights.min_bytes, path)
        for text in weights.texts:
            self._add_texts(records, text, repeats, (*path, text.name))

    def _add_texts(
        self,
        records: Sequence[Sequence[Any]],
        text: _TextWeight,
        repeats: Sequence[int] | None,
        path: Path,
    ) -> None:
        measure = _json_bytes if text.is_json else _text_bytes
        for record, occurrences in zip(records, repeats or repeat(1)):  # noqa: B905  # one is endless
            value = record[text.position]
            if value is not None:
                self._add(measure(value) * text.times * occurrences, path)

    def refuse(self, places: Sequence[tuple[Path, RowWeights]], path: Path) -> NoReturn:
        """Raise ResponseTooLarge for rows that were not read completely.

        ``places`` are the objects that would have been built from them. The error names the
        longest of their texts, or the list if several are long.
        """
        texts = [(place, text) for place, weights in places for text in weights.texts]
        longest = max((text.max_length for _, text in texts), default=0)
        names = {(*place, text.name) for place, text in texts if text.max_length * 2 > longest}
        self._fail(names.pop() if len(names) == 1 else path)

    def check_built(self, data: Any) -> None:
        """Count the values of a response that was not counted while it was built."""
        size = 0
        pending = [data]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                size += sum(map(len, value))
                pending += value.values()
            elif isinstance(value, list):
                pending += value
            elif isinstance(value, str):
                size += _text_bytes(value)
            elif isinstance(value, orjson.Fragment):
                size += len(orjson.dumps(value))
            size += 3
            if size > self.limit:
                self._fail(self._heaviest())

    def _add(self, size: int, path: Path) -> None:
        self._size += size
        self._parts[path] = self._parts.get(path, 0) + size
        if self._size > self.limit:
            self._fail(self._heaviest())

    def _heaviest(self) -> Path:
        return max(self._parts, key=self._parts.__getitem__, default=())

    def _fail(self, path: Path) -> NoReturn:
        self._refused = path
        raise ResponseTooLarge(self.limit, path)


def _characters(
    records: Sequence[Sequence[Any]], position: int, repeats: Sequence[int] | None
) -> int:
    if repeats is None:
        return sum([len(record[position] or "") for record in records])
    return sum(
        [
            len(record[position] or "") * times
            for record, times in zip(records, repeats, strict=True)
        ]
    )


def _text_bytes(text: str) -> int:
    if text.isascii() and text.isprintable():
        return len(text) + 2
    # A copy: orjson keeps the UTF-8 of a text as long as the text itself.
    return len(orjson.dumps(f" {text}")) - 1


def _json_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def repeats_of_keys(
    keys: Sequence[Hashable], distinct_keys: Sequence[Hashable], repeats: Sequence[int] | None
) -> list[int] | None:
    """Return how often the value of each distinct key occurs in the response; None if once."""
    if repeats is None and len(keys) == len(distinct_keys):
        return None
    times_of_key = dict.fromkeys(distinct_keys, 0)
    for key, times in zip(keys, repeats or repeat(1)):  # noqa: B905  # one is endless
        times_of_key[key] += times
    return list(times_of_key.values())
