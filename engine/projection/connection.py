"""A connection's selection set compiled: what to select for a page, and how it is put together.

A connection is recognised by its fields, as Relay names them (Cursor Connections,
section 2), with ``nodes`` beside ``edges`` and ``totalCount``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeAlias, cast

from graphql import GraphQLObjectType, get_named_type, is_object_type
from graphql.execution.collect_fields import FieldDetailsList

from engine.projection.context import NotProjectable, OperationContext
from engine.projection.projection import ObjectProjection, Record, Row, SelectList, compile_object
from engine.sql.cursors import cursor_encoder
from engine.sql.ordering import RowOrder
from engine.sql.tables import Table


@dataclass(slots=True)
class LoadedPage:
    """One page, loaded: its records in the order of the list, and the objects built of them."""

    records: list[Record]
    # For each node projection of the connection, in their order.
    objects: list[list[Row]]
    has_next: bool
    has_previous: bool
    total: int | None
    # Of each record where those are selected, else of the ends that are.
    cursors: list[str] = field(default_factory=list)

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first record, where there is one."""
        return self.cursors[0] if self.cursors else None

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last record, where there is one."""
        return self.cursors[-1] if self.cursors else None


# What gives a field of the connection its value, once the page is loaded.
Part: TypeAlias = Callable[[LoadedPage], Any]

_PAGE_INFO: dict[str, Part] = {
    "hasNextPage": attrgetter("has_next"),
    "hasPreviousPage": attrgetter("has_previous"),
    "startCursor": attrgetter("start_cursor"),
    "endCursor": attrgetter("end_cursor"),
}


@dataclass
class ConnectionProjection:
    """What is selected of a connection, and what of it needs a statement."""

    order: RowOrder
    parts: list[tuple[str, Part]] = field(default_factory=list)
    nodes: list[ObjectProjection] = field(default_factory=list)
    # Where in a record the values of the order's terms are; empty where no cursor is selected.
    keyset: tuple[int, ...] = ()
    # The names of the fields of the connection, of its edges and of its pageInfo.
    selected: set[str] = field(default_factory=set)

    @cached_property
    def _encode(self) -> Callable[[Sequence[Record]], list[str]]:
        return cursor_encoder(self.order, self.keyset)

    @cached_property
    def needs_rows(self) -> bool:
        """Whether more is selected than the total."""
        return bool(self.selected - {"totalCount", "__typename"})

    @cached_property
    def wants_total(self) -> bool:
        """Whether the total is selected."""
        return "totalCount" in self.selected

    def wants_opposite_page(self, *, backward: bool) -> bool:
        """Whether it is asked what lies on the side that the page comes from."""
        return ("hasNextPage" if backward else "hasPreviousPage") in self.selected

    def assemble(self, page: LoadedPage) -> Row:
        """Return the connection of a loaded page."""
        if self.keyset:
            page.cursors = self._encode(self._with_cursor(page.records))
        return {key: part(page) for key, part in self.parts}

    def _with_cursor(self, records: list[Record]) -> list[Record]:
        if "cursor" in self.selected:
            return records
        start = records[:1] if "startCursor" in self.selected else []
        return start + records[-1:] if "endCursor" in self.selected else start


class ConnectionCompiler:
    """Compiles the selection under one connection field."""

    def __init__(self, context: OperationContext, table: Table, order: RowOrder) -> None:
        self.select = SelectList()
        self.projection = ConnectionProjection(order)
        self._context = context
        self._table = table

    def compile(self, connection_type: GraphQLObjectType, details: FieldDetailsList) -> None:
        """Compile it into `projection` and `select`; raises NotProjectable."""
        projection = self.projection
        projection.parts = self._parts(
            connection_type,
            details,
            {
                "nodes": self._node,
                "edges": self._edges,
                "pageInfo": self._page_info,
                "totalCount": _always(attrgetter("total")),
            },
        )
        if projection.selected & {"cursor", "startCursor", "endCursor"}:
            projection.keyset = tuple(
                self.select.position(term.selected) for term in projection.order.terms
            )

    def _parts(
        self,
        object_type: GraphQLObjectType,
        details: FieldDetailsList,
        known: Mapping[str, Callable[[GraphQLObjectType, FieldDetailsList], Part]],
    ) -> list[tuple[str, Part]]:
        parts: list[tuple[str, Part]] = []
        for key, subfield in self._context.subfields(object_type, details).items():
            name = subfield[0].node.name.value
            self.projection.selected.add(name)
            if name == "__typename":
                parts.append((key, _constant(object_type.name)))
            elif name in known:
                subtype = cast("GraphQLObjectType", get_named_type(object_type.fields[name].type))
                parts.append((key, known[name](subtype, subfield)))
            else:
                raise NotProjectable
        return parts

    def _node(self, node_type: GraphQLObjectType, details: FieldDetailsList) -> Part:
        if not is_object_type(node_type) or node_type.name != self._table.type_name:
            raise NotProjectable
        number = len(self.projection.nodes)
        self.projection.nodes.append(
            compile_object(self._context, self._table, node_type, details, self.select)
        )
        return lambda page: page.objects[number]

    def _edges(self, edge_type: GraphQLObjectType, details: FieldDetailsList) -> Part:
        parts = self._parts(
            edge_type,
            details,
            {"node": self._node, "cursor": _always(attrgetter("cursors"))},
        )
        if not parts:
            # All of it is skipped: the edges are there, and empty.
            return lambda page: [{} for _ in page.records]
        build = _edges_builder([key for key, _ in parts])

        def edges(page: LoadedPage) -> list[Row]:
            return build(*[_of_each(part(page), page.records) for _, part in parts])

        return edges

    def _page_info(self, info_type: GraphQLObjectType, details: FieldDetailsList) -> Part:
        known = {name: _always(part) for name, part in _PAGE_INFO.items()}
        parts = self._parts(info_type, details, known)
        return lambda page: {key: part(page) for key, part in parts}


def _edges_builder(keys: Sequence[str]) -> Callable[..., list[Row]]:
    """Return the function that makes edges of a list of values for each key."""
    names = "".join(f"v{number}, " for number in range(len(keys)))
    members = ", ".join(f"{key!r}: v{number}" for number, key in enumerate(keys))
    # As in `ObjectProjection`: of a caller there are but names in it.
    builder: Callable[..., list[Row]] = eval(  # noqa: S307
        f"lambda *lists: [{{{members}}} for {names}in zip(*lists, strict=True)]"
    )
    return builder


def _always(part: Part) -> Callable[[GraphQLObjectType, FieldDetailsList], Part]:
    """Return the compilation of a field that has no selection set."""
    return lambda _type, _details: part


def _constant(value: str) -> Part:
    return lambda _page: value


def _of_each(value: Any, records: Sequence[Record]) -> list[Any]:
    """Return a value for each record: the constant repeats, a list has one already."""
    return value if isinstance(value, list) else [value] * len(records)
