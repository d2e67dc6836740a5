"""Documents, parsed and validated once for each text, in a bounded cache."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ASTValidationRule


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid against the schema."""

    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]

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
        capacity: int = 1000,
        max_cached_length: int = 20_000,
    ) -> None:
        self._schema = schema
        self._rules = (*specified_rules, *rules)
        self._max_tokens = max_tokens
        self._capacity = capacity
        self._max_cached_length = max_cached_length
        self._documents: OrderedDict[str, Document] = OrderedDict()

    def prepare(self, text: str) -> Document:
        """Return the document of a text; raises InvalidDocument."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
            return document
        document = self._parse(text)
        if len(text) <= self._max_cached_length:
            self._documents[text] = document
            if len(self._documents) > self._capacity:
                self._documents.popitem(last=False)
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
        except RecursionError:
            error = GraphQLError("The document is nested too deeply.")
            raise InvalidDocument([error], syntax=True) from None
        if errors := validate(self._schema, node, self._rules):
            raise InvalidDocument(errors, syntax=False)
        operations = tuple(
            one for one in node.definitions if isinstance(one, OperationDefinitionNode)
        )
        return Document(node, operations)
