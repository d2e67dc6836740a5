"""Validation by graphql-core's rules, with fewer calls than graphql-core makes.

The rules and their errors are graphql-core's. Its own walk calls every rule at every node, visits
names, walks each definition again for its variables, hashes whole definitions to look them up,
and checks each use of a variable once for each operation. For the largest documents that was up
to twelve times as many calls. Here each rule is called only for the kinds of nodes that it
handles, the rules about variables run last, and equal uses of a variable are checked once.
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

from engine.errors import delete_tracebacks

__all__ = ["VISITED_KEYS", "fragment_cycles", "validate"]

_Definition = OperationDefinitionNode | FragmentDefinitionNode
# The index of a rule, and its functions for entering and leaving nodes of one kind.
_RuleCalls = tuple[int, Callable[..., VisitorAction | None] | None, Callable[..., Any] | None]

# The keys to visit of each kind of node. No rule handles names and descriptions.
VISITED_KEYS = {
    kind: tuple(key for key in keys if key not in {"alias", "description", "name"})
    for kind, keys in QUERY_DOCUMENT_KEYS.items()
}
_DEFINITIONS: dict[str, tuple[str, ...]] = {"document": ("definitions",)}

# Validation stops after an error message of this length. Such a message repeats part of the
# document: building it takes as long as the rest of validation, and only its start is sent.
LONG_MESSAGE = 1_000

# Rules that use the collected variables of a definition, and visit only definitions.
_VARIABLE_RULES = (NoUndefinedVariablesRule, NoUnusedVariablesRule, VariablesInAllowedPositionRule)
_OTHER_RULES = tuple(rule for rule in specified_rules if rule not in _VARIABLE_RULES)


def validate(
    schema: GraphQLSchema,
    document: DocumentNode,
    *,
    max_errors: int,
    more_rules: Sequence[type[ASTValidationRule]] = (),
) -> list[GraphQLError]:
    """Return the errors of a document; if there are more, the last one reports the abort."""
    context = _Context(schema, document, max_errors=max_errors)

    def check() -> None:
        rules = [rule(context) for rule in (*_OTHER_RULES, *more_rules)]
        context.visitors += rules
        context.visit(document, _Rules(context.type_info, [context.usages, *rules]), VISITED_KEYS)
        variable_rules = [rule(context) for rule in _VARIABLE_RULES]
        context.visitors += variable_rules
        context.visit(document, ParallelVisitor(variable_rules), _DEFINITIONS)

    return _errors(context, check)


def fragment_cycles(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """Return an error if a fragment contains itself, and no other errors."""
    fragments = _fragments(document)
    if not fragments:
        return []
    context = _Context(schema, document, max_errors=1)
    only_fragments = DocumentNode(definitions=fragments)
    rule = NoFragmentCyclesRule(context)
    return _errors(context, lambda: context.visit(only_fragments, rule, _DEFINITIONS))


def _errors(context: "_Context", check: Callable[[], object]) -> list[GraphQLError]:
    try:
        if fragments := _fragments(context.document):
            # Some rules recurse into fragments.
            by_name = {fragment.name.value: fragment for fragment in fragments}
            context.visit(context.document, FragmentNestingVisitor(by_name), _DEFINITIONS)
        check()
    except ValidationAbortedError as error:
        # Drop the traceback, whose frames would stay in memory with the error.
        context.errors.append(error.with_traceback(None))
    except RecursionError:
        context.errors.append(ValidationAbortedError("Validation aborted."))
    errors = context.errors
    context.clear()
    return errors


def _fragments(document: DocumentNode) -> tuple[FragmentDefinitionNode, ...]:
    return tuple(node for node in document.definitions if isinstance(node, FragmentDefinitionNode))


class _Rules(Visitor):
    """Visitor that runs several rules in one walk, and keeps the type information current.

    It calls a rule only for the kinds of nodes that the rule has functions for. A rule that
    returns SKIP for a node is not called again until the walk leaves that node; until then the
    node is in ``_skipping``. Types are entered before the rules run and left after them.
    """

    def __init__(self, type_info: TypeInfo, rules: list[Visitor]) -> None:
        super().__init__()
        self._type_info = type_info
        self._rules = rules
        # By the index of a rule, the node whose subtree it skips.
        self._skipping: dict[int, Node] = {}

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        functions = self.enter_leave_map.get(kind)
        if functions is None:
            functions = self.enter_leave_map[kind] = self._functions_for_kind(kind)
        return functions

    def _functions_for_kind(self, kind: str) -> EnterLeaveVisitor:
        calls: list[_RuleCalls] = []
        for index, rule in enumerate(self._rules):
            enter, leave = rule.get_enter_leave_for_kind(kind)
            if enter or leave:
                calls.append((index, enter, leave))
        return EnterLeaveVisitor(
            self._enter_function(kind, calls), self._leave_function(kind, calls)
        )

    def _enter_function(self, kind: str, calls: list[_RuleCalls]) -> Callable[..., None]:
        skipping = self._skipping
        enter_type = getattr(self._type_info, f"enter_{kind}", None)
        rules = [(index, enter_rule) for index, enter_rule, _ in calls if enter_rule]

        def enter(node: Node, *position: Any) -> None:
            if enter_type:
                enter_type(node)
            for index, enter_rule in rules:
                if index not in skipping and enter_rule(node, *position) is SKIP:
                    skipping[index] = node

        return enter

    def _leave_function(self, kind: str, calls: list[_RuleCalls]) -> Callable[..., None]:
        skipping = self._skipping
        leave_type = getattr(self._type_info, f"leave_{kind}", None)

        def leave(node: Node, *position: Any) -> None:
            # All rules with a function for this kind: one that only enters can end its skip here.
            for index, _, leave_rule in calls:
                if index not in skipping:
                    if leave_rule:
                        leave_rule(node, *position)
                elif skipping[index] is node:
                    del skipping[index]
            if leave_type:
                leave_type()

        return leave


class _VariableUsages(Visitor):
    """Collects the variable usages of each definition, without duplicates."""

    def __init__(self, type_info: TypeInfo) -> None:
        super().__init__()
        self._type_info = type_info
        # By the id of a definition, then by what makes usages equal.
        self._by_definition: dict[int, dict[tuple[Any, ...], VariableUsage]] = {}
        self._current: dict[tuple[Any, ...], VariableUsage] = {}

    def of(self, node: _Definition) -> list[VariableUsage]:
        return list(self._by_definition[id(node)].values())

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self._current = self._by_definition[id(node)] = {}

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._current = self._by_definition[id(node)] = {}

    def enter_variable_definition(self, *_: Any) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        expected = self._type_info.get_input_type()
        parent = self._type_info.get_parent_input_type()
        default = self._type_info.get_default_value()
        key = (node.name.value, id(expected), id(parent), id(default))
        if key not in self._current:
            self._current[key] = VariableUsage(node, expected, parent, default, None)


class _Context(ValidationContext):
    """Validation context that looks nodes up by identity, because hashing walks a whole subtree."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, *, max_errors: int) -> None:
        self.errors: list[GraphQLError] = []
        self.type_info = TypeInfo(schema)
        self.usages = _VariableUsages(self.type_info)
        super().__init__(schema, document, self.type_info, self._add_error)
        self._max_errors = max_errors
        self._recursive_usages: dict[int, list[VariableUsage]] = {}
        self._spreads: dict[int, list[FragmentSpreadNode]] = {}
        self.visitors: list[Visitor] = [self.usages]

    def visit(
        self, document: DocumentNode, visitor: Visitor, keys: dict[str, tuple[str, ...]]
    ) -> None:
        """Walk a document, and clear the visitor together with this context."""
        self.visitors.append(visitor)
        visit(document, visitor, keys)

    def clear(self) -> None:
        """Break all reference cycles; this context and its rules cannot be used afterwards.

        Visitors refer to themselves by their bound methods, and rules to the document. Without
        cycles the document is freed when it leaves the cache. Otherwise the garbage collector
        frees many documents at once, which held up the event loop for a tenth of a second.
        """
        for cleared in (*self.visitors, self.type_info, self):
            vars(cleared).clear()

    def _add_error(self, error: GraphQLError) -> None:
        delete_tracebacks(error)
        errors = self.errors
        if len(errors) >= self._max_errors or (errors and len(errors[-1].message) > LONG_MESSAGE):
            raise ValidationAbortedError(
                "Too many validation errors, error limit reached. Validation aborted."
            )
        errors.append(error)

    @property
    def hide_suggestions(self) -> bool:
        """Whether to omit suggestions: only the first error has them, since they take 10 ms."""
        return bool(self.errors)

    def get_variable_usages(self, node: Any) -> list[VariableUsage]:
        return self.usages.of(node)

    def get_recursive_variable_usages(
        self, operation: OperationDefinitionNode
    ) -> list[VariableUsage]:
        usages = self._recursive_usages.get(id(operation))
        if usages is None:
            usages = self.usages.of(operation)
            for fragment in self.get_recursively_referenced_fragments(operation):
                usages += self.usages.of(fragment)
            self._recursive_usages[id(operation)] = usages
        return usages

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
