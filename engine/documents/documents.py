"""Documents parsed, measured and validated once for each text, in a bounded cache."""

import asyncio
import sys
from collections.abc import Hashable, Iterator
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Lexer,
    Token,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.language.parser import MAX_NESTING_DEPTH, Parser

from engine.caches import DEFAULT_BUDGET_BYTES, LruCache, ValueUsage
from engine.documents.cost import SIZE_ARGUMENTS
from engine.documents.field_merging import check_field_merging
from engine.documents.limits import Limits, check_numbers, check_size, check_text, fragments_of
from engine.documents.prepared import Document, Middleware, PreparedDocument, SchemaRules
from engine.documents.source import DocumentSource
from engine.documents.validation import VISITED_KEYS, fragment_cycles, validate
from engine.errors import LimitExceeded
from engine.long_work import is_turn_used, next_turn

# An error can repeat part of the document and its position must be found in it, so reporting
# all errors could take seconds.
MAX_ERRORS = 3
# Measured: the memory of any document, and of one token with its node of the AST.
DOCUMENT_BYTES = 20_000
TOKEN_BYTES = 550
# Directives that decide whether a field is selected.
_SELECTING = frozenset({"skip", "include"})


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
        shortcuts: bool = True,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._rules = rules
        self._shortcuts = shortcuts
        self._documents: LruCache[str, PreparedDocument] = LruCache("documents", budget_bytes)
        # Returns the document of a text if it is prepared, else None.
        self.cached = self._documents.get
        # By text; set when the preparation has ended.
        self._in_preparation: dict[str, asyncio.Event] = {}
        # Shared by all documents, because one document can have any number of texts.
        self._statements: LruCache[Hashable, str] = LruCache("statements", budget_bytes)

    def prepare(self, text: str) -> PreparedDocument:
        """Return the document of a text; raises InvalidDocument and LimitExceeded."""
        document = self._documents.get(text)
        if document is None:
            steps = self._steps(text)
            while document is None:
                document = next(steps)
        return document

    async def prepare_in_turns(self, text: str) -> PreparedDocument:
        """Return a document that is not `cached`, prepared in several turns of the event loop.

        Requests with the same text wait for the first of them. Raises as `prepare`.
        """
        document: PreparedDocument | None = None
        while document is None and (other := self._in_preparation.get(text)) is not None:
            await other.wait()
            document = self._documents.get(text)
        if document is not None:
            return document
        ended = self._in_preparation[text] = asyncio.Event()
        try:
            steps = self._steps(text)
            has_begun = False
            while (document := next(steps)) is None:
                if is_turn_used(begins=not has_begun):
                    # Otherwise many documents of one caller would be in memory at the same time,
                    # and the garbage collector would visit all of their nodes again and again.
                    await next_turn(continues=has_begun)
                has_begun = True
        finally:
            del self._in_preparation[text]
            ended.set()
        return document

    def _steps(self, text: str) -> Iterator[PreparedDocument | None]:
        """Prepare a document and keep it; yield None after each step, and then the document."""
        # Before the first step, because this turn may be used up by others.
        yield None
        check_text(text, self._limits)
        node, tokens = self._parse(text)
        check_numbers(node)
        yield None
        # Before validation, whose time grows faster than the document.
        check_size(node, self._limits)
        # Before the expansion of fragments, which would not end. A cycle is an invalid document,
        # not one that is too large.
        if errors := fragment_cycles(self._schema, node):
            raise InvalidDocument(errors, syntax=False)
        check_field_merging(node, self._limits)
        yield None
        if errors := validate(
            self._schema, node, max_errors=MAX_ERRORS, more_rules=self._rules.validation
        ):
            raise InvalidDocument(errors, syntax=False)
        yield None
        uses = _VariableUses()
        visit(node, uses, VISITED_KEYS)
        # It has functions that refer to the visitor.
        uses.enter_leave_map.clear()
        fragments = fragments_of(node)
        document = Document(
            self._schema,
            node,
            fragments,
            {name: FragmentDetails(fragment) for name, fragment in fragments.items()},
            self._rules,
            directive_variables=tuple(dict.fromkeys(uses.in_directives)),
            size_variables=tuple(dict.fromkeys(uses.in_sizes)),
            middleware=self._middleware(uses.directives),
            shortcuts=self._shortcuts,
            usage=ValueUsage(_size(text, tokens)),
            statements=self._statements,
        )
        prepared = PreparedDocument(document)
        self._documents.put(text, prepared, document.usage)
        yield prepared

    def _middleware(self, directives: set[str]) -> Middleware | None:
        middleware = self._rules.middleware
        if middleware is None or middleware.directives is None:
            return middleware
        return middleware if directives & middleware.directives else None

    def _parse(self, text: str) -> tuple[DocumentNode, int]:
        """Return the syntax tree of a text, and the number of its tokens."""
        lexer = Lexer(DocumentSource(text))
        first = lexer.token
        # As `graphql.parse`, which does not give access to the tokens if it fails.
        parser = Parser(
            lexer.source,
            lexer=lexer,
            max_lexical_tokens=self._limits.tokens,
            max_comments=self._limits.tokens,
            allow_empty_selection_sets=False,
        )
        try:
            node = parser.parse_document()
        except GraphQLError as error:
            # graphql-core reports a limit only in its message.
            if "Parsing aborted" in error.message:
                raise LimitExceeded(self._exceeded(error.message)) from None
            raise InvalidDocument([error], syntax=True) from None
        except RecursionError:
            raise LimitExceeded(self._exceeded("nested")) from None
        finally:
            tokens = _unlink_tokens(first)
        return node, tokens

    def _exceeded(self, message: str) -> str:
        if "nested" in message:
            return (
                f"The document is nested more than {MAX_NESTING_DEPTH} levels deep, which is a"
                " fixed limit. Pass deep values as variables."
            )
        counted = "comments" if "comments" in message else "tokens"
        return f"The document has more than {self._limits.tokens} {counted} (MAX_TOKENS)."


def _unlink_tokens(first: Token) -> int:
    """Delete the references from each token to the one before it; return the number of tokens.

    Without reference cycles a document is freed when it is not used any more. The garbage
    collector would free many at once, and hold up the event loop meanwhile.
    """
    tokens = 0
    token: Token | None = first
    while token is not None:
        tokens += 1
        token.prev = None
        token = token.next
    return tokens


def _size(text: str, tokens: int) -> int:
    """Return the size of a document in bytes, without what its operations compile later."""
    # The values of the tokens repeat the text.
    return DOCUMENT_BYTES + TOKEN_BYTES * tokens + 2 * sys.getsizeof(text)


class _VariableUses(Visitor):
    """Collects the variables that the selected fields and the page sizes depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.in_directives: list[str] = []
        self.in_sizes: list[str] = []
        self.directives: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.directives.add(node.name.value)
        if node.name.value not in _SELECTING:
            return
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.in_directives.append(argument.value.name.value)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        if node.name.value in SIZE_ARGUMENTS and isinstance(node.value, VariableNode):
            self.in_sizes.append(node.value.name.value)
