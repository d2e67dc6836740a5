"""Filters of the tickets of `many_tickets`, whose values are frequent, rare, far or missing."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from models import OpsState, TicketPriority, TicketStatus
from resolvers.tickets.filters import TicketFilter

Filter = Mapping[str, Any]

# Values of each column, from frequent to missing.
VALUES: Mapping[str, tuple[Filter, ...]] = {
    "status": (
        {"eq": TicketStatus.OPEN},
        {"eq": TicketStatus.CLOSED},
        {"eq": TicketStatus.IN_PROGRESS},
        {"eq": TicketStatus.PENDING},
        {"neq": TicketStatus.OPEN},
        {"in": [TicketStatus.PENDING, TicketStatus.IN_PROGRESS]},
    ),
    "priority": (
        {"eq": TicketPriority.MEDIUM},
        {"eq": TicketPriority.LOW},
        {"gte": TicketPriority.HIGH},
    ),
    "ops_state": (
        {"eq": OpsState.NOT_SENT},
        {"eq": OpsState.DELIVERED},
        {"eq": OpsState.PENDING},
        {"nin": [OpsState.NOT_SENT, OpsState.DELIVERED]},
    ),
    "category": ({"eq": "general"}, {"eq": "sales"}, {"eq": "legal"}, {"eq": "missing"}),
    "assigned_to": (
        {"eq": "agent 1"},
        {"eq": "rare agent"},
        {"in": ["missing", "rare agent"]},
        {"is_null": True},
    ),
    "customer_email": ({"eq": "customer7@example.com"}, {"eq": "missing"}),
    "customer_name": ({"eq": "Customer 7"}, {"eq": "missing"}),
}
# Negations of a value of an enumeration, and alternatives of a column.
LOGICAL: tuple[TicketFilter, ...] = (
    {"not": {"status": {"in": [TicketStatus.OPEN, TicketStatus.CLOSED]}}},
    {"not": {"not": {"priority": {"eq": TicketPriority.HIGH}}}},
    {
        "not": {
            "or": [
                {"ops_state": {"eq": state}} for state in (OpsState.NOT_SENT, OpsState.DELIVERED)
            ]
        }
    },
    {
        "or": [
            {"status": {"eq": TicketStatus.PENDING}},
            {"status": {"eq": TicketStatus.IN_PROGRESS}},
        ]
    },
    {"or": [{"category": {"eq": "legal"}}, {"category": {"in": ["legal", "missing"]}}]},
    {"or": [{"category": {"eq": "legal"}}], "not": {"status": {"eq": TicketStatus.OPEN}}},
    {"or": [{"assigned_to": {"is_null": True}}, {"assigned_to": {"is_null": True}}]},
    {"assigned_to": {"is_null": True}, "not": {"priority": {"gte": TicketPriority.MEDIUM}}},
    {"and": [{"assigned_to": {"is_null": True}}, {"assigned_to": {"eq": "agent 1"}}]},
)


def single_filters() -> list[TicketFilter]:
    """Return a filter for each value of each column, and those of several conditions on one."""
    return [{name: value} for name, values in VALUES.items() for value in values] + [*LOGICAL]


def paired_filters() -> list[TicketFilter]:
    """Return a filter for each pair of values of two columns."""
    return [
        {one: value, other: other_value}
        for one, other in combinations(VALUES, 2)
        for value in VALUES[one]
        for other_value in VALUES[other]
    ]
