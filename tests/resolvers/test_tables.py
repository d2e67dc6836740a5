"""The columns that tickets can be sorted by."""

import pytest

from resolvers.tables import check_sort_keys
from schema.tickets.filters import TicketOrderField


def test_each_sort_key_of_the_schema_has_an_order() -> None:
    check_sort_keys(TicketOrderField)


def test_a_sort_key_that_may_be_null_is_rejected_with_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"'assigned_to'.* may be null.*default.*models/ticket\.py"):
        check_sort_keys(["subject", "assigned_to"])


def test_a_sort_key_that_is_not_a_column_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"'colour', which is not a column.*filters\.py"):
        check_sort_keys(["colour"])
