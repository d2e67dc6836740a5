"""Names that are probably misspelled names of settings."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["SimilarName", "similar_names"]

# Shorter names differ by one edit, such as HOST and POST.
_MIN_LENGTH_FOR_TWO_EDITS = 8


@dataclass(frozen=True, slots=True)
class SimilarName:
    """A name that no setting has, and the setting that it is similar to."""

    name: str
    similar_to: str


def similar_names(found: Iterable[str], settings: Collection[str]) -> Iterator[SimilarName]:
    """Yield the names that are similar to that of a setting, but not equal to one."""
    by_letters = {_letters(name): name for name in settings}
    for name in found:
        letters = _letters(name)
        if name in settings or not letters:
            continue
        if letters in by_letters:
            yield SimilarName(name, by_letters[letters])
            continue
        limit = 1 if len(letters) < _MIN_LENGTH_FOR_TWO_EDITS else 2
        candidates = (known for known in by_letters if _may_be_near(letters, known, limit))
        edits, nearest = min(
            ((_edits(letters, known), known) for known in candidates), default=(limit + 1, "")
        )
        if edits <= limit:
            yield SimilarName(name, by_letters[nearest])


def _letters(name: str) -> str:
    """Return a name without what is often confused: case, hyphens and underscores."""
    return re.sub(r"[-_.]", "", name).upper()


def _may_be_near(first: str, second: str, limit: int) -> bool:
    # An edit changes the length by at most one, and the set of letters by at most two. An
    # environment can have thousands of variables, and to count the edits takes long.
    return abs(len(first) - len(second)) <= limit and len({*first} ^ {*second}) <= 2 * limit


def _edits(first: str, second: str) -> int:
    """Return the edits between two words, of which an exchange of two neighbours is one.

    This is the optimal string alignment distance.
    """
    rows = [list(range(len(second) + 1))]
    for row, left in enumerate(first, 1):
        current = [row]
        for column, right in enumerate(second, 1):
            edits = min(
                rows[-1][column] + 1,
                current[-1] + 1,
                rows[-1][column - 1] + (left != right),
            )
            if row > 1 and column > 1 and (left, first[row - 2]) == (second[column - 2], right):
                edits = min(edits, rows[-2][column - 2] + 1)
            current.append(edits)
        rows.append(current)
    return rows[-1][-1]
