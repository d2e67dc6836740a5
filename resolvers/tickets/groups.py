"""Tickets counted by the values of a column."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.database.queries import fetch
from engine.sql.estimates import estimate_statement, estimated_rows, frequencies_statement
from engine.sql.expressions import Sql, render
from engine.sql.group_statements import all_group_counts, group_counts
from engine.sql.tables import Column
from resolvers.context import Context
from resolvers.normalization import normalized_sql
from resolvers.tables import TICKETS
from resolvers.tickets.filters import TicketFilter, ticket_condition

__all__ = ["MAX_COUNTED", "TicketGroup", "count_groups", "groups_statement"]

# Tickets of all groups that are counted. If there are more, each group is counted up to its share,
# and the larger ones are estimated.
MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class TicketGroup:
    """Number of tickets with one value of a column."""

    key: str | None
    count: int
    count_is_estimate: bool = False


@dataclass(slots=True)
class _Count:
    """Number of tickets of a group that were counted, and the values of those that have more."""

    number: int
    larger: list[str | None]


def groups_statement(by: str, where: Sql, *, max_counted: int) -> tuple[Sql, bool]:
    """Return the statement that counts the groups, and whether it stops at a limit."""
    column = TICKETS.columns[by]
    label = normalized_sql("key") if _is_text(column) else "key"
    limited = group_counts(TICKETS, by, where, label, max_counted)
    if limited is not None:
        return limited, True
    return all_group_counts(TICKETS, by, where, label), False


async def count_groups(
    context: Context,  # noqa: ARG001  # every resolver takes it
    by: str,
    *,
    filter: TicketFilter | None = None,
) -> list[TicketGroup]:
    """Return the number of matching tickets for each value of a column, largest first."""
    column = TICKETS.columns[by]
    where = ticket_condition(filter)
    statement, is_limited = groups_statement(by, where, max_counted=MAX_COUNTED)
    counts: dict[str | None, _Count] = {}
    for value, label, number, has_more in await fetch(*render(statement), in_order=is_limited):
        count = counts.setdefault(label, _Count(0, []))
        count.number += number
        if has_more:
            count.larger.append(value)
    if any(count.larger for count in counts.values()):
        await _estimate(by, where, counts.values())
    groups = [
        TicketGroup(
            label if column.enum_names is None else column.enum_names[label],
            count.number,
            bool(count.larger),
        )
        for label, count in counts.items()
    ]
    # Equal ones remain in the order of their keys.
    groups.sort(key=lambda group: group.count, reverse=True)
    return groups


async def _estimate(by: str, where: Sql, counts: Collection[_Count]) -> None:
    """Raise the counts of groups that have more tickets to estimates.

    Their sum is PostgreSQL's estimate of the tickets that were not counted, as for a total. Its
    statistics have the fraction of each group, though not among the tickets that match.
    """
    [plan] = await fetch(*render(estimate_statement(TICKETS, where)))
    statistics = await fetch(*render(frequencies_statement(TICKETS, by)))
    larger = [value for count in counts for value in count.larger]
    fractions = _fractions(larger, *(statistics[0] if statistics else (None, None, None)))
    rest = estimated_rows(plan[0]) - sum(count.number for count in counts if not count.larger)
    for count in counts:
        if count.larger:
            estimate = rest * sum(fractions[value] for value in count.larger)
            count.number = max(count.number, round(estimate))


def _fractions(
    values: Sequence[str | None],
    of_null: float | None,
    common: Sequence[str] | None,
    of_common: Sequence[float] | None,
) -> Mapping[str | None, float]:
    """Return the fraction of each value among the rows that have one of them.

    Values that are not among the common ones have equal parts of what these leave.
    """
    known: dict[str | None, float] = dict(zip(common or (), of_common or (), strict=True))
    known[None] = of_null or 0.0
    others = sum(value not in known for value in values)
    of_other = max(1 - sum(known.values()), 0.0) / max(others, 1)
    found = {value: known.get(value, of_other) for value in values}
    total = sum(found.values())
    return {value: one / total if total else 1 / len(found) for value, one in found.items()}


def _is_text(column: Column) -> bool:
    return column.plain_type is str and column.enum_names is None
