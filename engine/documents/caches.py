"""How often what is kept was there when it was asked for, for whoever watches the process."""

from dataclasses import dataclass

__all__ = ["CACHES", "DOCUMENTS", "SELECTIONS", "STATEMENTS", "CacheStats"]


@dataclass(slots=True)
class CacheStats:
    """What was asked of the caches of one kind, since the process began."""

    hits: int = 0
    misses: int = 0


# Documents by their text; of a document, what its selections were compiled to; of a
# selection, the texts of its statements.
DOCUMENTS, SELECTIONS, STATEMENTS = CacheStats(), CacheStats(), CacheStats()
CACHES = {"documents": DOCUMENTS, "selections": SELECTIONS, "statements": STATEMENTS}
