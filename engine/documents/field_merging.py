"""What validation must compare, counted before it does.

Fields that come to one key of the answer must be mergeable (GraphQL, section 5.3.2).
graphql-core compares them pair by pair, and fragments likewise, so that a few
kilobytes could keep it busy for seconds. The count follows the fields as they merge,
fragments written out; it stops at its limit, so that its own work is bounded, too.
"""

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

# For each token that is allowed: selections with fragments written out, and pairs.
SELECTIONS_PER_TOKEN = 4
PAIRS_PER_TOKEN = 1


def check_field_merging(document: DocumentNode, limits: Limits) -> None:
    """Raise LimitExceeded where there is more to compare than the limits allow."""
    fragments = fragments_of(document)
    max_selections = SELECTIONS_PER_TOKEN * limits.tokens
    max_pairs = PAIRS_PER_TOKEN * limits.tokens
    selections = pairs = 0
    # Each is what merges at one place of an answer.
    places = [
        [node.selection_set]
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while places:
        sets = places.pop()
        fields: dict[str, list[SelectionSetNode | None]] = {}
        spread: set[str] = set()
        while sets:
            for selection in sets.pop().selections:
                selections += 1
                if selections > max_selections:
                    raise LimitExceeded(
                        f"With its fragments written out the document has more than"
                        f" {max_selections} selections."
                    )
                if isinstance(selection, FieldNode):
                    key = (selection.alias or selection.name).value
                    fields.setdefault(key, []).append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    if name not in spread:
                        spread.add(name)
                        if name in fragments:
                            sets.append(fragments[name].selection_set)
                else:
                    sets.append(selection.selection_set)  # type: ignore[attr-defined]  # an inline fragment
        pairs += _pairs(len(spread)) + sum(_pairs(len(same)) for same in fields.values())
        if pairs > max_pairs:
            raise LimitExceeded(
                f"More than {max_pairs} pairs of fields or fragments would have to be merged:"
                " select each only once."
            )
        places += [inner for same in fields.values() if (inner := [one for one in same if one])]


def _pairs(number: int) -> int:
    return number * (number - 1) // 2
