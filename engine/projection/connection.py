"""Compile the selection set of a connection: the columns to select, and how to assemble a page.

A connection has the fields of Relay (Cursor Connections, section 2), and in addition ``nodes``,
``totalCount`` and ``totalCountIsEstimate``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeAlias, cast

from graphql import GraphQLObjectType, get_named_type, is_object_type
from graphql.execution.collect_fields import FieldDetailsList

from engine.arguments.fast_resolvers import row_model_of
from engine.projection.context import NotProjectable, OperationContext
from engine.projection.fallbacks import FallbackReason
from engine.projection.projection import (
    ObjectProjection,
    Record,
    ResponseObject,
    SelectList,
    compile_object,
    require_fast_resolver,
    response_key,
)
from engine.projection.response_size import Path
from engine.sql.cursors import cursor_encoder
from engine.sql.ordering import RowOrder
from engine.sql.paging import Window
from engine.sql.statements import is_estimate
from engine.sql.tables import Table

# A cursor, a name or a number, and punctuation.
_VALUE_BYTES = 60
# The Python names of the fields for which the rows of the list are counted.
_TOTALS = frozenset({"total_count", "total_count_is_estimate"})


@dataclass(slots=True)
class LoadedPage:
    """Loaded page: its records in the order of the list, and the objects built from them."""

    records: list[Record]
    has_next: bool
    has_previous: bool
    total: int | None
    # For each node projection of the connection, the object of each record.
    objects: list[list[ResponseObject]] = field(default_factory=list)
    # If ``cursor`` is selected, the cursor of each record. Otherwise the cursors of the first and
    # the last record, if ``startCursor`` and ``endCursor`` are selected.
    cursors: list[str] = field(default_factory=list)

    @classmethod
    def of_records(
        cls, group: list[Record], window: Window, *, has_opposite_page: bool, total: int | None
    ) -> "LoadedPage":
        """Return the page of one parent from its records.

        The statement reads one record more than the page has, to see whether more follow. It reads
        a backward page from the end.
        """
        records = group[: window.size]
        has_more = len(group) > window.size
        if window.backward:
            records.reverse()
            return cls(records, has_next=has_opposite_page, has_previous=has_more, total=total)
        return cls(records, has_next=has_more, has_previous=has_opposite_page, total=total)

    @property
    def total_is_estimate(self) -> bool:
        """Whether the total is an estimate."""
        return self.total is not None and is_estimate(self.total)

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first record, or None if the page is empty."""
        return self.cursors[0] if self.cursors else None

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last record, or None if the page is empty."""
        return self.cursors[-1] if self.cursors else None


def distribute_objects(objects: list[ResponseObject], pages: Sequence[LoadedPage]) -> None:
    """Give each page its objects; they are in the order of the pages and of their records."""
    start = 0
    for page in pages:
        end = start + len(page.records)
        page.objects.append(objects[start:end])
        start = end


# Returns the value of a field of the connection from the loaded page.
Getter: TypeAlias = Callable[[LoadedPage], Any]

_PAGE_INFO: dict[str, Getter] = {
    "has_next_page": attrgetter("has_next"),
    "has_previous_page": attrgetter("has_previous"),
    "start_cursor": attrgetter("start_cursor"),
    "end_cursor": attrgetter("end_cursor"),
}


@dataclass
class ConnectionProjection:
    """Assembles connections from loaded pages, and determines which statements they need."""

    order: RowOrder
    # By response key, in response order.
    getters: list[tuple[str, Getter]] = field(default_factory=list)
    # One for each place where nodes are selected: ``nodes``, and ``node`` under ``edges``.
    nodes: list[ObjectProjection] = field(default_factory=list)
    # Positions of the order's terms in a record; empty if no cursor is selected.
    keyset: tuple[int, ...] = ()
    # The Python names of all selected fields of the connection, its edges and its pageInfo.
    selected: set[str] = field(default_factory=set)
    # Bytes in the response of a page, and of each of its edges, without the nodes.
    page_bytes: int = 0
    edge_bytes: int = 0

    @cached_property
    def _encode(self) -> Callable[[Sequence[Record]], list[str]]:
        return cursor_encoder(self.order, self.keyset)

    @cached_property
    def needs_rows(self) -> bool:
        """Whether anything but the total is selected."""
        return bool(self.selected - {*_TOTALS, "__typename"})

    @cached_property
    def wants_total(self) -> bool:
        """Whether the total is selected, or whether it is an estimate."""
        return not self.selected.isdisjoint(_TOTALS)

    def wants_opposite_page(self, *, backward: bool) -> bool:
        """Whether ``hasPreviousPage`` is selected; for a backward page, ``hasNextPage``."""
        return ("has_next_page" if backward else "has_previous_page") in self.selected

    def assemble(self, page: LoadedPage) -> ResponseObject:
        """Return the response object of a loaded page."""
        if self.keyset:
            page.cursors = self._encode(self._records_with_cursor(page.records))
        return {key: get(page) for key, get in self.getters}

    def _records_with_cursor(self, records: list[Record]) -> list[Record]:
        if "cursor" in self.selected:
            return records
        start = records[:1] if "start_cursor" in self.selected else []
        return start + records[-1:] if "end_cursor" in self.selected else start


class ConnectionCompiler:
    """Compiles the selection under a connection field."""

    def __init__(self, context: OperationContext, table: Table, order: RowOrder) -> None:
        self.select_list = SelectList()
        self.projection = ConnectionProjection(order)
        # The response key of the edges that are being compiled.
        self._edges_path: Path = ()
        self._context = context
        self._table = table

    def compile(self, connection_type: GraphQLObjectType, details: FieldDetailsList) -> None:
        """Compile the selection into `projection` and `select_list`; raises NotProjectable."""
        projection = self.projection
        projection.getters = self._getters(
            connection_type,
            details,
            {
                "nodes": self._node,
                "edges": self._edges,
                "page_info": self._page_info,
                "total_count": _scalar(attrgetter("total")),
                "total_count_is_estimate": _scalar(attrgetter("total_is_estimate")),
            },
        )
        if projection.selected & {"cursor", "start_cursor", "end_cursor"}:
            projection.keyset = tuple(
                self.select_list.position(term.selected) for term in projection.order.terms
            )

    def _getters(
        self,
        object_type: GraphQLObjectType,
        details: FieldDetailsList,
        compilers: Mapping[str, Callable[[GraphQLObjectType, FieldDetailsList], Getter]],
    ) -> list[tuple[str, Getter]]:
        """Return a getter for each selected field; ``compilers`` is keyed by Python name."""
        if not is_object_type(object_type) or row_model_of(object_type) is not object:
            raise NotProjectable(FallbackReason.TYPE, object_type.name)
        getters: list[tuple[str, Getter]] = []
        for key, subfield in self._context.subfields(object_type, details).items():
            name = subfield[0].node.name.value
            if self._edges_path:
                self.projection.edge_bytes += len(key) + _VALUE_BYTES
            else:
                self.projection.page_bytes += len(key) + _VALUE_BYTES
            if name == "__typename":
                self.projection.selected.add(name)
                getters.append((key, _constant(object_type.name)))
                continue
            attribute = require_fast_resolver(object_type, name).attribute
            if attribute is None or attribute not in compilers:
                raise NotProjectable(FallbackReason.RESOLVER, f"{object_type.name}.{name}")
            self.projection.selected.add(attribute)
            subtype = cast("GraphQLObjectType", get_named_type(object_type.fields[name].type))
            getters.append((key, compilers[attribute](subtype, subfield)))
        return getters

    def _node(self, node_type: GraphQLObjectType, details: FieldDetailsList) -> Getter:
        if not is_object_type(node_type) or node_type.name != self._table.type_name:
            raise NotProjectable(FallbackReason.TYPE, node_type.name)
        index = len(self.projection.nodes)
        node = compile_object(self._context, self._table, node_type, details, self.select_list)
        node.path = (*self._edges_path, response_key(details))
        self.projection.nodes.append(node)
        return lambda page: page.objects[index]

    def _edges(self, edge_type: GraphQLObjectType, details: FieldDetailsList) -> Getter:
        self._edges_path = (response_key(details),)
        getters = self._getters(
            edge_type,
            details,
            {"node": self._node, "cursor": _scalar(attrgetter("cursors"))},
        )
        self._edges_path = ()
        if not getters:
            # @skip or @include removed every field; each edge is an empty object.
            return lambda page: [{} for _ in page.records]
        build = _edges_builder([key for key, _ in getters])

        def edges(page: LoadedPage) -> list[ResponseObject]:
            return build(*[_repeat(get(page), page.records) for _, get in getters])

        return edges

    def _page_info(self, info_type: GraphQLObjectType, details: FieldDetailsList) -> Getter:
        compilers = {name: _scalar(get) for name, get in _PAGE_INFO.items()}
        getters = self._getters(info_type, details, compilers)
        return lambda page: {key: get(page) for key, get in getters}


def _edges_builder(keys: Sequence[str]) -> Callable[..., list[ResponseObject]]:
    """Return a function that builds edges from one list of values for each key."""
    names = "".join(f"v{number}, " for number in range(len(keys)))
    members = ", ".join(f"{key!r}: v{number}" for number, key in enumerate(keys))
    # As in `ObjectProjection`, the only input from a client is response keys.
    builder: Callable[..., list[ResponseObject]] = eval(  # noqa: S307
        f"lambda *lists: [{{{members}}} for {names}in zip(*lists, strict=True)]"
    )
    return builder


def _scalar(get: Getter) -> Callable[[GraphQLObjectType, FieldDetailsList], Getter]:
    """Return the compiler of a field without a selection set."""
    return lambda _type, _details: get


def _constant(value: str) -> Getter:
    return lambda _page: value


def _repeat(value: Any, records: Sequence[Record]) -> list[Any]:
    """Return a value for each record: a list has one already, a constant is repeated."""
    return value if isinstance(value, list) else [value] * len(records)
