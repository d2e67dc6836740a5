"""Hits and misses of the engine's caches, for the metrics."""

from dataclasses import dataclass

__all__ = ["CACHES", "DOCUMENTS", "SELECTIONS", "STATEMENTS", "CacheStats"]


@dataclass(slots=True)
class CacheStats:
    """Lookups in all caches of one kind since the process started."""

    hits: int = 0
    misses: int = 0


# Documents by text; compiled selections by document; texts of statements by selection.
DOCUMENTS, SELECTIONS, STATEMENTS = CacheStats(), CacheStats(), CacheStats()
CACHES = {"documents": DOCUMENTS, "selections": SELECTIONS, "statements": STATEMENTS}
