"""How often what is kept was there when it was asked for, for whoever watches the process."""

from dataclasses import dataclass

__all__ = ["CACHES", "DOCUMENTS", "SELECTIONS", "STATEMENTS", "CacheUse"]


@dataclass(slots=True)
class CacheUse:
    """What was asked of the caches of one kind, since the process began."""

    hits: int = 0
    misses: int = 0


# Documents by their text; of a document, what its selections were compiled to; of a
# selection, the texts of its statements.
DOCUMENTS, SELECTIONS, STATEMENTS = CacheUse(), CacheUse(), CacheUse()
CACHES = {"documents": DOCUMENTS, "selections": SELECTIONS, "statements": STATEMENTS}
