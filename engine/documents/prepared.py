"""Prepared documents and operations, with the data that all requests for them share."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    MiddlewareManager,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails

from engine.arguments.coercion import Variables
from engine.documents.cost import Cost, CostTable, operation_cost
from engine.documents.scopes import ScopeTable, operation_scopes

# Combinations of variables that are cached for one operation.
MAX_COMBINATIONS = 64


@dataclass(frozen=True, slots=True)
class Middleware:
    """Functions that wrap every resolver of an operation."""

    # Called for each execution, with the operation, its variables and the request's context.
    create: "CreateMiddleware"
    # The functions apply to documents that use one of these directives; None means every document.
    directives: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """Rules of the schema: costs and scopes by "Type.field", and rules for all documents."""

    costs: CostTable
    scopes: ScopeTable
    # In addition to graphql-core's.
    validation: tuple[type[ASTValidationRule], ...] = ()
    middleware: Middleware | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A document that is valid against the schema and within its limits."""

    schema: GraphQLSchema
    node: DocumentNode
    fragments: dict[str, FragmentDefinitionNode]
    fragment_details: dict[str, FragmentDetails]
    rules: SchemaRules
    # The variables used in directives such as @skip, and those used as page sizes.
    directive_variables: tuple[str, ...]
    size_variables: tuple[str, ...]
    # Functions that wrap the resolvers when this document is executed.
    middleware: Middleware | None
    # Whether plans, generated coercion and batches may be used.
    shortcuts: bool


class PreparedDocument:
    """A document with its operations. A request runs one of them."""

    # Operations refer to the `Document`, which does not refer back: without a reference cycle,
    # a document that leaves the cache is freed at once.
    def __init__(self, document: Document) -> None:
        self.document = document
        self.operations = [
            PreparedOperation(document, node)
            for node in document.node.definitions
            if isinstance(node, OperationDefinitionNode)
        ]

    def operation(self, name: str | None) -> "PreparedOperation | None":
        """Return the operation with this name, or the only one; None if there is none."""
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        for operation in self.operations:
            if operation.name == name:
                return operation
        return None


class PreparedOperation:
    """An operation of a document, with the data that all requests for it share."""

    def __init__(self, document: Document, node: OperationDefinitionNode) -> None:
        self.document = document
        self.node = node
        self.name = node.name.value if node.name else None
        self.kind = node.operation
        self.kind_name: str = node.operation.value
        self.has_fallen_back = False
        self._compile_caches: dict[Hashable, dict[Hashable, Any]] = {}
        self._costs: dict[Hashable, Cost] = {}

    @cached_property
    def required_scopes(self) -> frozenset[str]:
        """The scopes that the operation requires of its caller."""
        document = self.document
        return operation_scopes(
            document.schema, self.node, document.fragments, document.rules.scopes
        )

    @cached_property
    def variables(self) -> Variables:
        """The declared variables; raises NotCoercible."""
        return Variables(self.document.schema, self.node)

    def compile_cache(self, variables: Mapping[str, Any]) -> dict[Hashable, Any]:
        """Return the cache of compiled selections for these variables."""
        key = tuple([variables.get(name) for name in self.document.directive_variables])
        cache = self._compile_caches.get(key)
        if cache is None:
            cache = _remember(self._compile_caches, key, {})
        return cache

    def cost(self, variables: Mapping[str, Any]) -> Cost:
        """Return the cost of the operation with these variables."""
        key = tuple([_size(variables.get(name)) for name in self.document.size_variables])
        cost = self._costs.get(key)
        if cost is None:
            document = self.document
            cost = operation_cost(
                document.schema, self.node, document.fragments, variables, document.rules.costs
            )
            _remember(self._costs, key, cost)
        return cost


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else value


def _remember(memory: dict[Hashable, Any], key: Hashable, value: Any) -> Any:
    if len(memory) >= MAX_COMBINATIONS:
        memory.clear()
    memory[key] = value
    return value


CreateMiddleware: TypeAlias = Callable[
    [PreparedOperation, Mapping[str, Any], Any], MiddlewareManager
]
