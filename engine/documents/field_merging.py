"""Limit on the comparisons of the validation rule for field merging, counted in advance.

Fields with the same response key must be mergeable (GraphQL, section 5.3.2). graphql-core
compares them in pairs, and fragments likewise, so that a few kilobytes can keep it busy for
seconds. This count follows the fields as they merge, with fragments expanded. It stops at its
limit, so its own work is bounded too.
"""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from engine.documents.limits import Limits, fragments_of
from engine.errors import LimitExceeded

# Allowed for each allowed token: selections with fragments expanded, and pairs to compare.
SELECTIONS_PER_TOKEN = 4
PAIRS_PER_TOKEN = 1


def check_field_merging(document: DocumentNode, limits: Limits) -> None:
    """Raise LimitExceeded if validation would have to compare too much."""
    counter = _Counter(fragments_of(document), limits)
    # Each item holds the selection sets that merge into one object of the response.
    pending = [
        [node.selection_set]
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while pending:
        pending += counter.merge(pending.pop())


class _Counter:
    """Counts selections and pairs up to the limits."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], limits: Limits) -> None:
        self._fragments = fragments
        self._max_selections = SELECTIONS_PER_TOKEN * limits.tokens
        self._max_pairs = PAIRS_PER_TOKEN * limits.tokens
        self._selections = 0
        self._pairs = 0

    def merge(self, sets: list[SelectionSetNode]) -> list[list[SelectionSetNode]]:
        """Count the selections that merge; return the selection sets below each response key."""
        fields: dict[str, list[SelectionSetNode | None]] = {}
        spread: set[str] = set()
        while sets:
            for selection in sets.pop().selections:
                self._count_selection()
                if isinstance(selection, FieldNode):
                    key = (selection.alias or selection.name).value
                    fields.setdefault(key, []).append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    if name not in spread:
                        spread.add(name)
                        if name in self._fragments:
                            sets.append(self._fragments[name].selection_set)
                else:
                    sets.append(selection.selection_set)  # type: ignore[attr-defined]  # an inline fragment
        self._count_pairs(_pairs(len(spread)) + sum(_pairs(len(same)) for same in fields.values()))
        inner = ([node for node in same if node] for same in fields.values())
        return [nodes for nodes in inner if nodes]

    def _count_selection(self) -> None:
        self._selections += 1
        if self._selections > self._max_selections:
            raise LimitExceeded(
                f"With its fragments expanded the document has more than {self._max_selections}"
                " selections (MAX_TOKENS). Select fewer fields, or spread fragments less often."
            )

    def _count_pairs(self, number: int) -> None:
        self._pairs += number
        if self._pairs > self._max_pairs:
            raise LimitExceeded(
                f"More than {self._max_pairs} pairs of fields or fragments would have to be merged"
                " (MAX_TOKENS): select each field only once."
            )


def _pairs(number: int) -> int:
    """Return the number of pairs among so many items."""
    return number * (number - 1) // 2
