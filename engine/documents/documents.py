"""Documents parsed, measured and validated once for each text, in a bounded cache."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from graphql import (
    ArgumentNode,
    ASTValidationRule,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    MiddlewareManager,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails

from engine.arguments.coercion import Variables
from engine.documents.caches import DOCUMENTS
from engine.documents.cost import SIZE_ARGUMENTS, Cost, CostTable, operation_cost
from engine.documents.field_merging import check_field_merging
from engine.documents.limits import Limits, check_size, check_text, fragments_of
from engine.documents.scopes import ScopeTable, operation_scopes
from engine.documents.validation import VISITED_KEYS, fragment_cycles, validate
from engine.errors import LimitExceeded

# Combinations of variables that are cached for one operation.
MAX_COMBINATIONS = 64
# An error can repeat part of the document and its position must be found in it, so reporting
# all errors could take seconds.
MAX_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Middleware:
    """Functions that wrap every resolver of an operation."""

    # Called for each execution, with the operation, its variables and the request's context.
    create: "CreateMiddleware"
    # The functions apply to documents that use one of these directives; None means every document.
    directives: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SchemaRules:
    """What the schema declares for its fields, by "Type.field", and for all documents."""

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


class InvalidDocument(Exception):
    """A text that is not a document (``syntax``), or a document that is invalid for the schema."""

    def __init__(self, errors: list[GraphQLError], *, syntax: bool) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.syntax = syntax


class Documents:
    """Least-recently-used cache of the prepared documents of one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        rules: SchemaRules,
        capacity: int = 1_000_000,
        shortcuts: bool = True,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = rules
        self._shortcuts = shortcuts
        # In characters of text: the memory of a parsed document is proportional to them.
        self._capacity = capacity
        self._size = 0
        self._documents: OrderedDict[str, PreparedDocument] = OrderedDict()

    def prepare(self, text: str) -> PreparedDocument:
        """Return the document of a text; raises InvalidDocument and LimitExceeded."""
        document = self._documents.get(text)
        if document is not None:
            DOCUMENTS.hits += 1
            self._documents.move_to_end(text)
            return document
        DOCUMENTS.misses += 1
        document = PreparedDocument(self._prepare(text))
        self._documents[text] = document
        self._size += len(text)
        while self._size > self._capacity:
            evicted_text, _ = self._documents.popitem(last=False)
            self._size -= len(evicted_text)
        return document

    def _prepare(self, text: str) -> Document:
        check_text(text, self._limits)
        node = self._parse(text)
        # Before validation, whose time grows faster than the document.
        check_size(node, self._limits)
        # Before the expansion of fragments, which would not end. A cycle is an invalid document,
        # not one that is too large.
        if errors := fragment_cycles(self._schema, node):
            raise InvalidDocument(errors, syntax=False)
        check_field_merging(node, self._limits)
        if errors := validate(
            self._schema, node, max_errors=MAX_ERRORS, more_rules=self._rules.validation
        ):
            raise InvalidDocument(errors, syntax=False)
        uses = _VariableUses()
        visit(node, uses, VISITED_KEYS)
        fragments = fragments_of(node)
        return Document(
            self._schema,
            node,
            fragments,
            {name: FragmentDetails(fragment) for name, fragment in fragments.items()},
            self._rules,
            directive_variables=tuple(dict.fromkeys(uses.in_directives)),
            size_variables=tuple(dict.fromkeys(uses.in_sizes)),
            middleware=self._middleware(uses.directives),
            shortcuts=self._shortcuts,
        )

    def _middleware(self, directives: set[str]) -> Middleware | None:
        middleware = self._rules.middleware
        if middleware is None or middleware.directives is None:
            return middleware
        return middleware if directives & middleware.directives else None

    def _parse(self, text: str) -> DocumentNode:
        try:
            return parse(
                text,
                max_lexical_tokens=self._limits.tokens,
                max_comments=self._limits.tokens,
                allow_empty_selection_sets=False,
            )
        except GraphQLError as error:
            # graphql-core reports this limit only in its message.
            if "Parsing aborted" in error.message:
                raise LimitExceeded(
                    f"The document has more than {self._limits.tokens} tokens."
                ) from None
            raise InvalidDocument([error], syntax=True) from None


class _VariableUses(Visitor):
    """Collects the variables that directives and page sizes depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.in_directives: list[str] = []
        self.in_sizes: list[str] = []
        self.directives: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.directives.add(node.name.value)
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.in_directives.append(argument.value.name.value)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        if node.name.value in SIZE_ARGUMENTS and isinstance(node.value, VariableNode):
            self.in_sizes.append(node.value.name.value)
