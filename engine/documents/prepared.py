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

from engine.arguments.variables import Variables
from engine.caches import LruCache, ValueUsage
from engine.documents.cost import Cost, CostTable, FilterCost, operation_cost, with_filters
from engine.documents.scopes import ScopeTable, operation_scopes

# Combinations of variables that are cached for one operation.
MAX_COMBINATIONS = 64
# Measured: the memory of a combination's cost, and of a filter in it.
_COST_BYTES = 700
_FILTER_BYTES = 200


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
    filter_cost: FilterCost = lambda _filter: 0
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
    # The variables used in @skip and @include, and those used as page sizes.
    directive_variables: tuple[str, ...]
    size_variables: tuple[str, ...]
    # Functions that wrap the resolvers when this document is executed.
    middleware: Middleware | None
    # Whether plans, generated coercion and batches may be used.
    shortcuts: bool
    # The memory of the document with everything that its operations compile.
    usage: ValueUsage
    # Texts of statements, by the selection and the shape of the query.
    statements: LruCache[Hashable, str]


class CompileCache(dict[Hashable, Any]):
    """Everything compiled for one operation and one combination of its variables."""

    def __init__(self, usage: ValueUsage) -> None:
        super().__init__()
        self._usage = usage
        self.size = 0

    def add(self, key: Hashable, value: Any, *, size: int) -> None:
        """Keep a value as long as the operation; ``size`` is in bytes."""
        self[key] = value
        self.size += size
        self._usage.grow(size)


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
        # The name in the metrics. It remains None for an operation whose name a client chose.
        self.counted_as: str | None = None
        self._compile_caches: dict[Hashable, CompileCache] = {}
        self._costs: dict[Hashable, Cost] = {}
        self._costs_size = 0

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

    def compile_cache(self, variables: Mapping[str, Any]) -> CompileCache:
        """Return the cache of compiled selections for these variables."""
        key = tuple([variables.get(name) for name in self.document.directive_variables])
        cache = self._compile_caches.get(key)
        if cache is None:
            usage = self.document.usage
            if len(self._compile_caches) >= MAX_COMBINATIONS:
                usage.grow(-sum(old.size for old in self._compile_caches.values()))
                self._compile_caches.clear()
            cache = self._compile_caches[key] = CompileCache(usage)
        return cache

    def cost(self, variables: Mapping[str, Any]) -> Cost:
        """Return the cost of the operation with these variables; raises LimitExceeded."""
        key = tuple([_size(variables.get(name)) for name in self.document.size_variables])
        cost = self._costs.get(key)
        if cost is None:
            document = self.document
            cost = operation_cost(
                document.schema, self.node, document.fragments, variables, document.rules.costs
            )
            self._keep_cost(key, cost)
        if cost.filters:
            return with_filters(cost, variables, self.document.rules.filter_cost)
        return cost

    def _keep_cost(self, key: Hashable, cost: Cost) -> None:
        usage = self.document.usage
        if len(self._costs) >= MAX_COMBINATIONS:
            usage.grow(-self._costs_size)
            self._costs.clear()
            self._costs_size = 0
        self._costs[key] = cost
        size = _COST_BYTES + _FILTER_BYTES * len(cost.filters)
        self._costs_size += size
        usage.grow(size)


def _size(value: Any) -> int | None:
    """Return what the cost depends on: the length of a list, or an integer."""
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else None


CreateMiddleware: TypeAlias = Callable[
    [PreparedOperation, Mapping[str, Any], Any], MiddlewareManager
]
