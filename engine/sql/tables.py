"""Tables and columns, derived from Tortoise models: the only source of column names and types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.indexes import Index
from tortoise.models import Model

from engine.sql.timestamps import as_json

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and how its values are converted for a response."""

    name: str
    # The GraphQL name of each value of an enum column, null included; None for other columns.
    enum_names: Mapping[str | None, str | None] | None = None
    # A jsonb column, which the driver returns as text.
    is_json: bool = False
    is_time: bool = False
    is_nullable: bool = False
    # The Python type of values that need no conversion; None for all others.
    plain_type: type | None = None
    # The maximum number of characters of a text; None if it is unknown.
    max_length: int | None = None

    @property
    def members(self) -> tuple[str, ...] | None:
        """All values of an enumeration that is never null; None for other columns."""
        if self.enum_names is None or self.is_nullable:
            return None
        return tuple([value for value in self.enum_names if value is not None])

    @property
    def sql(self) -> str:
        """The column as an SQL expression."""
        return f'"{self.name}"'

    @property
    def selected(self) -> str:
        """The expression to select for a response."""
        return as_json(self.sql) if self.is_time else self.sql


@dataclass(frozen=True, slots=True)
class Computed:
    """A field that is computed from the values of columns, in the order of ``columns``."""

    columns: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table whose rows are the objects of the GraphQL type ``type_name``."""

    model: type[Model]
    type_name: str
    name: str
    # The primary key: a single text column.
    key: str
    columns: Mapping[str, Column]
    computed: Mapping[str, Computed] = field(default_factory=dict)
    # The columns of each index on all rows.
    indexes: tuple[tuple[str, ...], ...] = ()


def table_of(model: type[Model], *, computed: Mapping[str, Computed] | None = None) -> Table:
    """Return the table of a model, which has the same name as its GraphQL type."""
    meta = model._meta  # noqa: SLF001  # Tortoise keeps the columns of a model there
    columns = {
        column: _column(column, meta.fields_map[attribute])
        for attribute, column in meta.fields_db_projection.items()
    }
    return Table(
        model=model,
        type_name=model.__name__,
        name=meta.db_table,
        key=meta.db_pk_column,
        columns=columns,
        computed=computed or {},
        indexes=tuple(tuple(index.fields) for index in meta.indexes if type(index) is Index),
    )


def instance(model: type[M], row: Mapping[str, Any]) -> M:
    """Return a row as an instance of its model; values without a column are ignored."""
    return model._init_from_db(**row)  # noqa: SLF001  # the ORM does not offer this publicly


def _column(name: str, source: fields.Field[Any]) -> Column:
    if isinstance(source, CharEnumFieldInstance):
        names = {member.value: member.name for member in source.enum_type}
        return Column(name, enum_names={None: None, **names}, is_nullable=source.null)
    is_plain = source.field_type in {str, int, bool} and not isinstance(source, fields.BigIntField)
    return Column(
        name,
        is_nullable=source.null,
        plain_type=source.field_type if is_plain else None,
        is_json=isinstance(source, fields.JSONField),
        is_time=isinstance(source, fields.DatetimeField),
        max_length=source.max_length if isinstance(source, fields.CharField) else None,
    )
