"""Size of a document, measured in one walk of its nodes with fragments expanded.

Each fragment is measured once, however often it is spread, so the walk is linear even if a few
lines expand to a million fields. Depth counts nested fields. The depth of introspection is
limited by graphql-core's own rule instead.
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

# Allowed for each allowed token.
CHARACTERS_PER_TOKEN = 16
LINES_PER_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits of one document."""

    tokens: int = 2000
    depth: int = 12
    aliases: int = 30
    directives: int = 10
    cost: int = 10_000


class Size(NamedTuple):
    """The size of a part of a document."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def combined(self, other: "Size") -> "Size":
        """Return the size of both parts next to each other."""
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


_PLAIN_FIELD = Size(depth=1)
# The root fields of introspection. Tools request many levels of them.
INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


def check_text(text: str, limits: Limits) -> None:
    """Raise LimitExceeded if a text is much longer than its allowed tokens can be.

    The token limit does not bound the length of literals, and the time to find the line of an
    error grows with the number of lines.
    """
    if len(text) > CHARACTERS_PER_TOKEN * limits.tokens:
        raise LimitExceeded(
            f"The document has {len(text)} characters; at most"
            f" {CHARACTERS_PER_TOKEN * limits.tokens} are allowed."
            " Pass long values as variables."
        )
    lines = text.count("\n") + text.count("\r")
    if lines > LINES_PER_TOKEN * limits.tokens:
        raise LimitExceeded(
            f"The document has {lines} lines; at most {LINES_PER_TOKEN * limits.tokens}"
            " are allowed. Remove line breaks."
        )


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Return the fragments of a document by name."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def check_size(document: DocumentNode, limits: Limits) -> None:
    """Raise LimitExceeded if an operation of the document is too large."""
    measure = _Measure(fragments_of(document))
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            try:
                size = measure.selection_set(node.selection_set)
            except RecursionError:
                message = "The document's fragments are nested too deeply. Nest fewer fragments."
                raise LimitExceeded(message) from None
            _check("levels of fields", size.depth, limits.depth)
            _check("aliases", size.aliases, limits.aliases)
            _check("directives", size.directives + len(node.directives or ()), limits.directives)


def _check(what: str, measured: int, allowed: int) -> None:
    if measured > allowed:
        raise LimitExceeded(f"The operation has {measured} {what}; at most {allowed} are allowed.")


class _Measure:
    """Measures selection sets, and each fragment once."""

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
                # Most fields of a large document take this path.
                return _PLAIN_FIELD
            inner = self.selection_set(node.selection_set)
            depth = 0 if node.name.value in INTROSPECTION_FIELDS else inner.depth + 1
            return Size(depth, inner.aliases + aliases, inner.directives + directives)
        own = Size(directives=directives)
        if isinstance(node, FragmentSpreadNode):
            return own.combined(self._fragment(node.name.value))
        return own.combined(self.selection_set(node.selection_set))  # type: ignore[attr-defined]  # an inline fragment

    def _fragment(self, name: str) -> Size:
        size = self._sizes.get(name)
        if size is None:
            # A fragment that contains itself counts as empty here; validation rejects it.
            self._sizes[name] = Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                size = self.selection_set(fragment.selection_set)
                size = size.combined(Size(directives=len(fragment.directives or ())))
                self._sizes[name] = size
        return size or Size()
