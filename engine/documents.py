"""Documents, parsed and validated once for each text, in a bounded cache."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.validation import ASTValidationRule

# How many combinations of switches are remembered for one document.
MAX_SWITCHED = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid against the schema."""

    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    # The variables that its @skip and @include depend on.
    switches: tuple[str, ...]
    # What was compiled of it, by the values of those.
    _shapes: dict[tuple[Any, ...], dict[Hashable, Any]]

    def shapes_for(self, variables: Mapping[str, Any]) -> dict[Hashable, Any]:
        """Return what was compiled of the document for operations with these variables."""
        switched = tuple([variables.get(name) for name in self.switches])
        shapes = self._shapes.get(switched)
        if shapes is None:
            if len(self._shapes) >= MAX_SWITCHED:
                self._shapes.clear()
            shapes = self._shapes[switched] = {}
        return shapes

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Return the operation to run: the named one, or the only one."""
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        for operation in self.operations:
            if operation.name is not None and operation.name.value == name:
                return operation
        return None


class InvalidDocument(Exception):
    """A text that is no document (``syntax``), or one that does not fit the schema."""

    def __init__(self, errors: list[GraphQLError], *, syntax: bool) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.syntax = syntax


class Documents:
    """The prepared documents of one schema, the least recently used forgotten first."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        max_tokens: int,
        rules: tuple[type[ASTValidationRule], ...] = (),
        capacity: int = 1_000_000,
    ) -> None:
        self._schema = schema
        self._rules = (*specified_rules, *rules)
        self._max_tokens = max_tokens
        # In characters of text, which is what a parsed document's memory grows with.
        self._capacity = capacity
        self._cached = 0
        self._documents: OrderedDict[str, Document] = OrderedDict()

    def prepare(self, text: str) -> Document:
        """Return the document of a text; raises InvalidDocument."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
            return document
        document = self._parse(text)
        self._documents[text] = document
        self._cached += len(text)
        while self._cached > self._capacity:
            forgotten, _ = self._documents.popitem(last=False)
            self._cached -= len(forgotten)
        return document

    def _parse(self, text: str) -> Document:
        try:
            node = parse(
                text,
                max_lexical_tokens=self._max_tokens,
                max_comments=self._max_tokens,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            raise InvalidDocument([error], syntax=True) from None
        if errors := validate(self._schema, node, self._rules):
            raise InvalidDocument(errors, syntax=False)
        operations = tuple(
            one for one in node.definitions if isinstance(one, OperationDefinitionNode)
        )
        return Document(node, operations, _switches(node), {})


def _switches(node: DocumentNode) -> tuple[str, ...]:
    finder = _SwitchFinder()
    visit(node, finder)
    return tuple(dict.fromkeys(finder.names))


class _SwitchFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.append(argument.value.name.value)
