"""How large a document is, measured in one walk of its nodes, fragments included.

A fragment is measured once, however often and however deeply it is spread, so that
a few lines cannot stand for a million fields. Depth counts fields under fields; that of
introspection is bounded by graphql-core's own rule instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from engine.errors import LimitExceeded

# For each token that is allowed.
CHARACTERS_PER_TOKEN = 16
LINES_PER_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have."""

    tokens: int = 2000
    depth: int = 12
    aliases: int = 30
    directives: int = 10
    cost: int = 10_000


class Size(NamedTuple):
    """What a part of a document comes to."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Size") -> "Size":
        """Return the size of both side by side."""
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


_PLAIN_FIELD = Size(depth=1)
# The fields that introspection begins with. What tools ask for has many levels.
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


def check_text(text: str, limits: Limits) -> None:
    """Raise LimitExceeded where a text is far longer than the tokens that it may have.

    Literals have no length of their own, and to find the line of an error takes as long
    as there are lines; what is long belongs into variables.
    """
    if len(text) > CHARACTERS_PER_TOKEN * limits.tokens:
        raise LimitExceeded(
            f"The document has {len(text)} characters; at most"
            f" {CHARACTERS_PER_TOKEN * limits.tokens} are allowed."
            " What is long can be given as a variable."
        )
    lines = text.count("\n") + text.count("\r")
    if lines > LINES_PER_TOKEN * limits.tokens:
        raise LimitExceeded(
            f"The document has {lines} lines; at most {LINES_PER_TOKEN * limits.tokens}"
            " are allowed."
        )


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by their names."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def check_size(document: DocumentNode, limits: Limits) -> None:
    """Raise LimitExceeded where an operation of the document is too large."""
    measure = _Measure(fragments_of(document))
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            try:
                size = measure.selection_set(node.selection_set)
            except RecursionError:
                raise LimitExceeded("The document's fragments are nested too deeply.") from None
            _check("levels of fields", size.depth, limits.depth)
            _check("aliases", size.aliases, limits.aliases)
            _check("directives", size.directives + len(node.directives or ()), limits.directives)


def _check(what: str, measured: int, allowed: int) -> None:
    if measured > allowed:
        raise LimitExceeded(f"The operation has {measured} {what}; at most {allowed} are allowed.")


class _Measure:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, Size] = {}

    def selection_set(self, node: SelectionSetNode | None) -> Size:
        depth = aliases = directives = 0
        for selection in node.selections if node else ():
            size = self._selection(selection)
            depth = max(depth, size.depth)
            aliases += size.aliases
            directives += size.directives
        return Size(depth, aliases, directives)

    def _selection(self, node: SelectionNode) -> Size:
        directives = len(node.directives or ())
        if isinstance(node, FieldNode):
            aliases = int(node.alias is not None)
            if not (node.selection_set or aliases or directives):
                # Most fields of a large document.
                return _PLAIN_FIELD
            inner = self.selection_set(node.selection_set)
            depth = 0 if node.name.value in INTROSPECTION_FIELDS else inner.depth + 1
            return Size(depth, inner.aliases + aliases, inner.directives + directives)
        own = Size(directives=directives)
        if isinstance(node, FragmentSpreadNode):
            return own.beside(self._fragment(node.name.value))
        return own.beside(self.selection_set(node.selection_set))  # type: ignore[attr-defined]  # an inline fragment

    def _fragment(self, name: str) -> Size:
        size = self._sizes.get(name)
        if size is None:
            # A fragment within itself counts for nothing here; validation refuses it.
            self._sizes[name] = Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                size = self.selection_set(fragment.selection_set)
                size = size.beside(Size(directives=len(fragment.directives or ())))
                self._sizes[name] = size
        return size or Size()
