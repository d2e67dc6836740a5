"""The columns that can be filtered."""

import pytest

from resolvers.filter_operators import check_filter, column_condition
from resolvers.tables import EVENTS, TICKETS


def test_a_filter_by_a_column_of_a_type_without_operators_is_rejected_with_what_to_do() -> None:
    message = r"cannot be filtered by 'sequence'.*resolvers/filter_operators\.py"
    with pytest.raises(TypeError, match=message):
        check_filter(EVENTS, ["ticket_id", "sequence"])
    with pytest.raises(TypeError, match=message):
        column_condition(EVENTS.columns["sequence"], {"eq": 1}, ("filter", "sequence"))


def test_a_filter_by_a_name_that_is_not_a_column_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"filter of Ticket has 'colour', which is not a column"):
        check_filter(TICKETS, ["subject", "colour"])


def test_columns_of_all_types_with_operators_are_accepted() -> None:
    check_filter(TICKETS, ["id", "subject", "status", "metadata", "created_at", "version"])
