"""graphql-core's rules of validation, walked with less work.

The rules are all of graphql-core's, and so are their errors. Its own walk asks each rule
at each node, goes to names, which no rule looks at, walks every definition again for its
variables, finds it again by hashing all that is in it, and weighs each use of a variable
for each operation: the largest documents took up to twelve times as many calls. Here the
rules of variables come last, and a use that is like another counts once.
"""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    SKIP,
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NoFragmentCyclesRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    ParallelVisitor,
    SelectionSetNode,
    TypeInfo,
    ValidationContext,
    VariableNode,
    VariablesInAllowedPositionRule,
    Visitor,
    VisitorAction,
    specified_rules,
    visit,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from graphql.language.visitor import EnterLeaveVisitor
from graphql.validation.validate import FragmentNestingVisitor, ValidationAbortedError
from graphql.validation.validation_context import VariableUsage

__all__ = ["VISITED_KEYS", "fragment_cycles", "validate"]

_Definition = OperationDefinitionNode | FragmentDefinitionNode
# The place of a rule, and what it does on entering and on leaving nodes of one kind.
_Asked = tuple[int, Callable[..., VisitorAction | None] | None, Callable[..., Any] | None]

# What is visited of each kind of node: descriptions have no rules, and names no children.
VISITED_KEYS = {
    kind: tuple(key for key in keys if key not in {"alias", "description", "name"})
    for kind, keys in QUERY_DOCUMENT_KEYS.items()
}
_DEFINITIONS: dict[str, tuple[str, ...]] = {"document": ("definitions",)}

# An error that repeats this much of a document is the last that is told: it takes as long to
# write as all the rest of validation, and is cut off before it is sent.
LONG_MESSAGE = 1_000

# These ask for all variables that a definition uses, and look at nothing else within it.
_OF_VARIABLES = (NoUndefinedVariablesRule, NoUnusedVariablesRule, VariablesInAllowedPositionRule)
_OTHERS = tuple(rule for rule in specified_rules if rule not in _OF_VARIABLES)


def validate(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    max_errors: int,
    more_rules: Sequence[type[ASTValidationRule]] = (),
) -> list[GraphQLError]:
    """Return what is wrong with a document; where that is more, the last error says so."""
    context = _Context(schema, document, max_errors=max_errors)

    def check() -> None:
        rules = [rule(context) for rule in (*_OTHERS, *more_rules)]
        visit(document, _Rules(context.type_info, [context.uses, *rules]), VISITED_KEYS)
        visit(document, ParallelVisitor([rule(context) for rule in _OF_VARIABLES]), _DEFINITIONS)

    return _errors(context, check)


def fragment_cycles(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """Return where a fragment is within itself, and nothing else that is wrong."""
    fragments = _fragments(document)
    if not fragments:
        return []
    context = _Context(schema, document, max_errors=1)
    alone = DocumentNode(definitions=fragments)
    return _errors(context, lambda: visit(alone, NoFragmentCyclesRule(context), _DEFINITIONS))


def _errors(context: "_Context", check: Callable[[], object]) -> list[GraphQLError]:
    try:
        if fragments := _fragments(context.document):
            # Some rules follow them by recursion.
            by_name = {fragment.name.value: fragment for fragment in fragments}
            visit(context.document, FragmentNestingVisitor(by_name), _DEFINITIONS)
        check()
    except ValidationAbortedError as error:
        # Without the frames, which would live as long as it.
        context.errors.append(error.with_traceback(None))
    except RecursionError:
        context.errors.append(ValidationAbortedError("Validation aborted."))
    return context.errors


def _fragments(document: DocumentNode) -> tuple[FragmentDefinitionNode, ...]:
    return tuple(node for node in document.definitions if isinstance(node, FragmentDefinitionNode))


class _Rules(Visitor):
    """Rules side by side, each asked for the kinds of nodes that it looks at."""

    def __init__(self, type_info: TypeInfo, rules: list[Visitor]) -> None:
        super().__init__()
        self._type_info = type_info
        self._rules = rules
        # By the place of a rule: the node that it does not look into.
        self._skipped: dict[int, Node] = {}

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        known = self.enter_leave_map.get(kind)
        if known is None:
            known = self.enter_leave_map[kind] = self._of_kind(kind)
        return known

    def _of_kind(self, kind: str) -> EnterLeaveVisitor:
        found = [rule.get_enter_leave_for_kind(kind) for rule in self._rules]
        asked = [(place, *both) for place, both in enumerate(found) if any(both)]
        return EnterLeaveVisitor(self._entering(kind, asked), self._leaving(kind, asked))

    def _entering(self, kind: str, asked: list[_Asked]) -> Callable[..., None]:
        skipped = self._skipped
        enter_type = getattr(self._type_info, f"enter_{kind}", None)
        entered = [(place, function) for place, function, _ in asked if function]

        def enter(node: Node, *at: Any) -> None:
            if enter_type:
                enter_type(node)
            for place, function in entered:
                if place not in skipped and function(node, *at) is SKIP:
                    skipped[place] = node

        return enter

    def _leaving(self, kind: str, asked: list[_Asked]) -> Callable[..., None]:
        skipped = self._skipped
        leave_type = getattr(self._type_info, f"leave_{kind}", None)

        def leave(node: Node, *at: Any) -> None:
            for place, _, function in asked:
                if place not in skipped:
                    if function:
                        function(node, *at)
                elif skipped[place] is node:
                    del skipped[place]
            if leave_type:
                leave_type()

        return leave


class _Uses(Visitor):
    """Collects what each definition uses of variables, once for all uses of one kind."""

    def __init__(self, type_info: TypeInfo) -> None:
        super().__init__()
        self._type_info = type_info
        self._of_definition: dict[int, dict[tuple[Any, ...], VariableUsage]] = {}
        self._here: dict[tuple[Any, ...], VariableUsage] = {}

    def of(self, node: _Definition) -> list[VariableUsage]:
        return list(self._of_definition[id(node)].values())

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self._here = self._of_definition[id(node)] = {}

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._here = self._of_definition[id(node)] = {}

    def enter_variable_definition(self, *_: Any) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        expected = self._type_info.get_input_type()
        parent = self._type_info.get_parent_input_type()
        default = self._type_info.get_default_value()
        key = (node.name.value, id(expected), id(parent), id(default))
        if key not in self._here:
            self._here[key] = VariableUsage(node, expected, parent, default, None)


class _Context(ValidationContext):
    """Collects errors, and knows nodes by identity: to hash one is to walk through all of it."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, *, max_errors: int) -> None:
        self.errors: list[GraphQLError] = []
        self.type_info = TypeInfo(schema)
        self.uses = _Uses(self.type_info)
        super().__init__(schema, document, self.type_info, self._tell)
        self._max_errors = max_errors
        self._uses_within: dict[int, list[VariableUsage]] = {}
        self._spreads: dict[int, list[FragmentSpreadNode]] = {}

    def _tell(self, error: GraphQLError) -> None:
        told = self.errors
        if len(told) >= self._max_errors or (told and len(told[-1].message) > LONG_MESSAGE):
            raise ValidationAbortedError(
                "Too many validation errors, error limit reached. Validation aborted."
            )
        told.append(error)

    @property
    def hide_suggestions(self) -> bool:
        """With the first error alone: to compare a name to all types takes 10 ms."""
        return bool(self.errors)

    def get_variable_usages(self, node: Any) -> list[VariableUsage]:
        return self.uses.of(node)

    def get_recursive_variable_usages(
        self, operation: OperationDefinitionNode
    ) -> list[VariableUsage]:
        uses = self._uses_within.get(id(operation))
        if uses is None:
            uses = self.uses.of(operation)
            for fragment in self.get_recursively_referenced_fragments(operation):
                uses += self.uses.of(fragment)
            self._uses_within[id(operation)] = uses
        return uses

    def get_fragment_spreads(self, node: SelectionSetNode) -> list[FragmentSpreadNode]:
        spreads = self._spreads.get(id(node))
        if spreads is None:
            spreads = self._spreads[id(node)] = []
            pending: list[SelectionSetNode] = [node]
            while pending:
                for selection in pending.pop().selections:
                    if isinstance(selection, FragmentSpreadNode):
                        spreads.append(selection)
                    elif inner := selection.selection_set:  # type: ignore[attr-defined]  # of a field or an inline fragment
                        pending.append(inner)
        return spreads
