"""Size of a document: the depth of its fields, and the aliases and directives that it contains.

Depth counts nested fields, with fragments expanded. Aliases and directives are counted as written:
a fragment has the same number of them however often it is spread. What its repetitions cost is
limited elsewhere: by the cost of the operation, by the size of the response, and by the number of
selections that must be merged.

Each fragment is measured once, so the walk is linear even if a few lines expand to a million
fields. The depth of introspection is limited by graphql-core's own rule instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TokenKind,
)

from engine.errors import LimitExceeded

# Allowed for each allowed token.
CHARACTERS_PER_TOKEN = 16
LINES_PER_TOKEN = 2
# Of one number in the document. For much longer ones, Python would raise its own error.
MAX_NUMBER_LENGTH = 1_000
# Of selection sets inside each other; the spread of a fragment counts as another level. A level
# takes two calls, of which Python permits a thousand.
MAX_FRAGMENT_LEVELS = 400
_NUMBERS = frozenset({TokenKind.INT, TokenKind.FLOAT})


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits of one document."""

    tokens: int = 2000
    depth: int = 12
    aliases: int = 30
    directives: int = 10
    cost: int = 10_000


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
            f" {CHARACTERS_PER_TOKEN * limits.tokens} are allowed, {CHARACTERS_PER_TOKEN} for each"
            " token (MAX_TOKENS). Pass long values as variables."
        )
    lines = text.count("\n") + text.count("\r")
    if lines > LINES_PER_TOKEN * limits.tokens:
        raise LimitExceeded(
            f"The document has {lines} lines; at most {LINES_PER_TOKEN * limits.tokens}"
            f" are allowed, {LINES_PER_TOKEN} for each token (MAX_TOKENS). Remove line breaks."
        )


def check_numbers(document: DocumentNode) -> None:
    """Raise LimitExceeded if a number of a document has too many digits to be converted."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind in _NUMBERS and token.end - token.start > MAX_NUMBER_LENGTH:
            raise LimitExceeded(
                f"The document has a number of {token.end - token.start:,} characters; at most"
                f" {MAX_NUMBER_LENGTH:,} are allowed, which is a fixed limit. Pass a long number as"
                " a variable."
            )
        token = token.next


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
                operation = measure.definition(node)
            except RecursionError:
                raise LimitExceeded(
                    "The document's fragments are nested more than"
                    f" {MAX_FRAGMENT_LEVELS} levels deep, which is a fixed limit. Nest fewer"
                    " fragments."
                ) from None
            parts = [operation, *measure.reachable(operation)]
            _check("levels of fields", operation.depth, limits.depth, "MAX_DEPTH")
            aliases = sum(part.aliases for part in parts)
            _check("aliases", aliases, limits.aliases, "MAX_ALIASES")
            directives = sum(part.directives for part in parts)
            _check("directives", directives, limits.directives, "MAX_DIRECTIVES")


def _check(what: str, measured: int, allowed: int, setting: str) -> None:
    if measured > allowed:
        raise LimitExceeded(
            f"The operation has {measured} {what}; at most {allowed} are allowed ({setting})."
        )


@dataclass(slots=True)
class _Size:
    """Size of an operation or a fragment; only its depth includes that of its fragments."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    spreads: set[str] = field(default_factory=set)


class _Measure:
    """Measures operations, and each fragment once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._sizes: dict[str, _Size] = {}
        # Of the selection set that is being measured, with fragments in place of their names.
        self._level = 0

    def definition(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> _Size:
        """Return the size of a definition, and measure the fragments that it contains."""
        size = _Size(directives=len(node.directives or ()))
        for variable in node.variable_definitions or ():
            size.directives += len(variable.directives or ())
        size.depth = self._depth(node.selection_set, size)
        return size

    def reachable(self, operation: _Size) -> list[_Size]:
        """Return the sizes of the fragments that an operation contains, each once."""
        found: set[str] = set()
        pending = [*operation.spreads]
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += self._sizes[name].spreads
        return [self._sizes[name] for name in found]

    def _depth(self, node: SelectionSetNode | None, size: _Size) -> int:
        """Return the depth of a selection set, and add what it contains to a size."""
        depth = 0
        self._level += 1
        if self._level > MAX_FRAGMENT_LEVELS:
            raise RecursionError
        for selection in node.selections if node else ():
            if selection.directives:
                size.directives += len(selection.directives)
            depth = max(depth, self._depth_of_selection(selection, size))
        self._level -= 1
        return depth

    def _depth_of_selection(self, node: SelectionNode, size: _Size) -> int:
        if isinstance(node, FieldNode):
            size.aliases += node.alias is not None
            if node.selection_set is None:
                return 1
            depth = self._depth(node.selection_set, size)
            return 0 if node.name.value in INTROSPECTION_FIELDS else depth + 1
        if isinstance(node, FragmentSpreadNode):
            size.spreads.add(node.name.value)
            self._level += 1
            depth = self._fragment(node.name.value).depth
            self._level -= 1
            return depth
        return self._depth(node.selection_set, size)  # type: ignore[attr-defined]  # an inline fragment

    def _fragment(self, name: str) -> _Size:
        size = self._sizes.get(name)
        if size is None:
            # A fragment that contains itself counts as empty here; validation rejects it.
            size = self._sizes[name] = _Size()
            if name in self._fragments:
                size = self._sizes[name] = self.definition(self._fragments[name])
        return size
