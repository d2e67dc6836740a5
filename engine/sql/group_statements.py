"""Statements that count the rows of each value of a column without reading them all.

The entries of an index are counted up to a limit: those of all groups together, and if there are
more, those of each group up to its share. So a statement reads at most twice as many entries as the
limit, however many rows there are. See `engine.sql.index_ranges` for the ranges of an index. The
statements must run with `engine.database.queries.IN_ORDER`, because the limits are large: otherwise
the planner would read and sort whole ranges if many pages of the table are not marked as visible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from engine.sql.expressions import FALSE, TRUE, Compared, OneOf, Sql, concatenate
from engine.sql.index_ranges import MAX_RANGES
from engine.sql.tables import Table

__all__ = ["all_group_counts", "group_counts"]


@dataclass(frozen=True, slots=True)
class _GroupIndex:
    """An index whose first columns select the rows of a group."""

    fields: tuple[str, ...]
    # The first of them, of which each has one value in a range.
    first: tuple[str, ...]

    @property
    def next(self) -> str:
        """The column after the first ones."""
        return self.fields[len(self.first)]


# `walked` finds each value of a column by one descent of an index, which passes the entries of the
# value before. Its last row is null.
_KEYS_OF_INDEX = """
walked(key) AS (
    (SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {order} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM {table} WHERE {column} > walked.key ORDER BY {order} LIMIT 1)
    FROM walked
    WHERE key IS NOT NULL
), keys AS MATERIALIZED (
    SELECT key FROM walked WHERE key IS NOT NULL
)"""


# `together` counts the entries of all groups, up to one more than the limit. If there are more,
# `share` is how many entries of each group are counted; otherwise it is null.
_COUNTS = """
WITH RECURSIVE {keys}, together AS MATERIALIZED (
    SELECT key, count(*) AS count FROM ({together}) AS found GROUP BY key
), share AS MATERIALIZED (
    SELECT CASE
        WHEN (SELECT sum(count) FROM together) > {limit} THEN {limit} / (count(*) + {nulls})
    END AS entries
    FROM keys
), counted AS MATERIALIZED (
    SELECT key, count FROM together WHERE (SELECT entries FROM share) IS NULL
    UNION ALL
    {each}
)
SELECT key, {label} AS label, count, coalesce(count > (SELECT entries FROM share), FALSE)
FROM counted
WHERE count > 0
ORDER BY label
"""
_TOGETHER = "SELECT keys.key FROM keys CROSS JOIN LATERAL ({of_key}) AS found LIMIT {limit}"
_TOGETHER_WITH_NULL = """
SELECT keys.key FROM keys CROSS JOIN LATERAL ({of_key}) AS found
UNION ALL
SELECT NULL FROM ({of_null}) AS found
LIMIT {limit}
"""
_EACH = """
SELECT key, (
    SELECT count(*)
    FROM (SELECT FROM ({of_key}) AS found LIMIT (SELECT entries + 1 FROM share)) AS found
)
FROM keys
WHERE (SELECT entries FROM share) IS NOT NULL
"""
_EACH_NULL = """
UNION ALL
SELECT NULL, (
    SELECT count(*)
    FROM (SELECT FROM ({of_null}) AS found LIMIT (SELECT entries + 1 FROM share)) AS found
)
WHERE (SELECT entries FROM share) IS NOT NULL
"""
_ALL_COUNTS = """
SELECT NULL, {label} AS label, count(*), FALSE
FROM (SELECT "{column}" AS key FROM "{table}" WHERE {where}) AS found
GROUP BY label
ORDER BY label
"""


def group_counts(table: Table, column: str, where: Sql, label: str, limit: int) -> Sql | None:
    """Return the statement that counts the matching rows of each value of a column.

    Its rows are the value, ``label`` (an expression of ``key``), the number of entries that were
    counted, and whether there are more, ordered by label. All counts are complete if there are
    at most ``limit`` matching rows. Return None if no index has the matching rows of a group.
    """
    if not where.restrictions and where is not TRUE:
        return None
    one_of = {name: one for name, one in where.restrictions if isinstance(one, OneOf)}
    compared = [(name, one) for name, one in where.restrictions if isinstance(one, Compared)]
    index = _index(table, column, frozenset(one_of), frozenset(name for name, _ in compared))
    if index is None:
        return None
    lists = {name: one.values for name, one in one_of.items()}
    is_null = lists.get(column) == (None,)
    ranges = [
        lists.get(name, table.columns[name].members or ()) for name in index.first if name != column
    ]
    if prod(map(len, ranges)) > MAX_RANGES:
        return None
    entries = _Entries(table, column, index, lists, compared, limit)
    keys = _keys(table, column, () if is_null else lists.get(column))
    of_key = entries.of("keys.key")
    has_null = is_null or (table.columns[column].is_nullable and column not in lists)
    of_null = entries.of(None) if has_null else FALSE
    text = _COUNTS.format(
        keys=keys.text,
        together=_TOGETHER.format(of_key=of_key.text, limit=limit + 1)
        if not has_null
        else _TOGETHER_WITH_NULL.format(of_key=of_key.text, of_null=of_null.text, limit=limit + 1),
        each=_EACH.format(of_key=of_key.text)
        + (_EACH_NULL.format(of_null=of_null.text) if has_null else ""),
        limit=limit,
        nulls=int(has_null),
        label=label,
    )
    return Sql(text, keys.values + (of_key.values + of_null.values) * 2)


def all_group_counts(table: Table, column: str, where: Sql, label: str) -> Sql:
    """Return the statement that reads all matching rows to count those of each value of a column.

    Its rows are those of `group_counts`, with one for each label.
    """
    text = _ALL_COUNTS.format(label=label, column=column, table=table.name, where=where.text)
    return Sql(text, where.values)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries of the index that match."""

    table: Table
    column: str
    index: _GroupIndex
    lists: Mapping[str, Sequence[str | None]]
    compared: Sequence[tuple[str, Compared]]
    limit: int

    def of(self, key: str | None) -> Sql:
        """Return the statement that reads those of a group: its value as an expression, or null."""
        sources: list[Sql] = []
        first: dict[str, str] = {}
        nulls = {name for name, values in self.lists.items() if values == (None,)} - {self.column}
        for number, name in enumerate(self.index.first):
            if name in nulls:
                continue
            if name != self.column:
                array = list(self.lists.get(name, self.table.columns[name].members or ()))
                sources.append(Sql(f"unnest($?::text[]) AS range_{number}(value)", (array,)))
                first[name] = f"range_{number}.value"
            elif key is not None:
                first[name] = key
        if key is None:
            nulls.add(self.column)
        are_null = [Sql(f'"{name}" IS NULL') for name in sorted(nulls)]
        conditions = [*are_null, *self._in_range(first)]
        joined: list[Sql | str] = [f'SELECT FROM "{self.table.name}" WHERE ', conditions[0]]
        for condition in conditions[1:]:
            joined += [" AND ", condition]
        joined.append(f" ORDER BY {_names(self.index.fields)} LIMIT {self.limit + 1}")
        if not sources:
            return concatenate(joined)
        parts: list[Sql | str] = ["SELECT FROM ", sources[0]]
        for source in sources[1:]:
            parts += [" CROSS JOIN ", source]
        return concatenate([*parts, " CROSS JOIN LATERAL (", *joined, ") AS in_range"])

    def _in_range(self, first: Mapping[str, str]) -> list[Sql]:
        names, values = _names(first), ", ".join(first.values())
        separator = ", " if first else ""
        conditions = [
            concatenate(
                (
                    f'({names}{separator}"{name}") {one.operator} ({values}{separator}',
                    one.operand,
                    ")",
                )
            )
            for name, one in self.compared
        ]
        sides = {one.operator[0] for _, one in self.compared}
        if ">" not in sides:
            is_time = self.table.columns[self.index.next].is_time
            least = "timestamptz '-infinity'" if is_time else "''"
            conditions.append(
                Sql(f'({names}{separator}"{self.index.next}") >= ({values}{separator}{least})')
            )
        if "<" not in sides and first:
            conditions.append(Sql(f"({names}) <= ({values})"))
        return conditions


def _keys(table: Table, column: str, listed: Sequence[str | None] | None) -> Sql:
    """Return the common table expressions of the values of a column, without null."""
    values = listed if listed is not None else table.columns[column].members
    if values is not None:
        return Sql("keys AS MATERIALIZED (SELECT unnest($?::text[]) AS key)", (list(values),))
    fields = min(
        (fields for fields in table.indexes if fields[0] == column),
        key=len,
    )
    return Sql(
        _KEYS_OF_INDEX.format(column=f'"{column}"', table=f'"{table.name}"', order=_names(fields))
    )


# The columns depend on the filters of clients.
@lru_cache(maxsize=1000)
def _index(
    table: Table, column: str, listed: frozenset[str], compared: frozenset[str]
) -> _GroupIndex | None:
    """Return the index that has the rows of a group in the fewest ranges."""
    found: list[tuple[int, int, _GroupIndex]] = []
    needed = listed | {column}
    is_walked = table.columns[column].members is None and column not in listed
    if is_walked and not any(fields[0] == column for fields in table.indexes):
        return None
    for fields in table.indexes:
        if not needed.union(compared).issubset(fields) or len(compared) > 1:
            continue
        last = max(map(fields.index, needed))
        length = min(map(fields.index, compared)) if compared else last + 1
        first = fields[:length]
        if not needed.issubset(first):
            continue
        members = [table.columns[name].members for name in first if name not in needed]
        lengths = [len(each) for each in members if each is not None]
        if len(lengths) == len(members):
            found.append((prod(lengths), len(fields), _GroupIndex(fields, first)))
    return min(found, key=lambda one: one[:2])[2] if found else None


def _names(columns: Mapping[str, str] | Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
