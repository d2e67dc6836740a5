"""Validation of the fields of a ticket, with raw values by the names of the columns."""

from typing import Any

import pytest

from models import TicketPriority, TicketStatus
from resolvers.errors import ApiErrors, ErrorCode
from resolvers.tickets.validation import checked_for_create, checked_for_update

NEW: dict[str, object] = {
    "subject": "S",
    "description": "D",
    "customer_name": "N",
    "customer_email": "n@example.com",
}


def refused(fields: dict[str, object]) -> list[tuple[ErrorCode, tuple[str, ...]]]:
    """Return the codes and paths of the errors of an update."""
    with pytest.raises(ApiErrors) as errors:
        checked_for_update(fields)
    return [(error.code, error.path) for error in errors.value.errors]


def test_absent_fields_are_left_to_the_defaults() -> None:
    assert checked_for_create(NEW) == NEW


def test_the_values_of_an_update_have_one_order() -> None:
    """Otherwise each order of the same fields would have a statement of its own."""
    orders = [NEW, dict(reversed(NEW.items()))]
    assert len({tuple(checked_for_update(fields)) for fields in orders}) == 1


def test_all_missing_required_fields_are_reported_at_once() -> None:
    with pytest.raises(ApiErrors) as errors:
        checked_for_create({"subject": None, "category": None})
    expected = [(error.code, error.path) for error in errors.value.errors]
    assert sorted(expected) == [
        (ErrorCode.REQUIRED, ("category",)),
        (ErrorCode.REQUIRED, ("customer_email",)),
        (ErrorCode.REQUIRED, ("customer_name",)),
        (ErrorCode.REQUIRED, ("description",)),
        (ErrorCode.REQUIRED, ("subject",)),
    ]


@pytest.mark.parametrize("value", ["in_progress", "IN_PROGRESS", TicketStatus.IN_PROGRESS])
def test_enumerations_are_accepted_in_any_case(value: object) -> None:
    assert checked_for_update({"status": value}) == {"status": TicketStatus.IN_PROGRESS}
    assert checked_for_update({"priority": "HIGH"}) == {"priority": TicketPriority.HIGH}


@pytest.mark.parametrize("value", ["urgent", "", 1, True, ["high"], {}])
def test_an_unknown_enumeration_value_gets_the_allowed_ones(value: object) -> None:
    with pytest.raises(ApiErrors, match="low, medium, high"):
        checked_for_update({"priority": value})


@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], {"a": 1}])
@pytest.mark.parametrize("name", ["subject", "customer_email", "assigned_to"])
def test_a_text_field_rejects_other_types(name: str, value: object) -> None:
    assert refused({name: value}) == [(ErrorCode.INVALID, (name,))]


@pytest.mark.parametrize("value", [1, True, ["a"]])
def test_an_id_must_be_a_string(value: object) -> None:
    with pytest.raises(ApiErrors, match="must be a string"):
        checked_for_create(NEW | {"id": value})


@pytest.mark.parametrize("name", ["colour", "version", "created_at", "ops_state", "search"])
def test_other_fields_are_rejected(name: str) -> None:
    assert refused({name: "x"}) == [(ErrorCode.INVALID, (name,))]


def test_an_id_cannot_be_changed() -> None:
    assert refused({"id": "other"}) == [(ErrorCode.INVALID, ("id",))]


@pytest.mark.parametrize("name", ["customer_phone", "assigned_to", "metadata", "metadata_patch"])
def test_nullable_fields_accept_null(name: str) -> None:
    assert checked_for_update({name: None}) == {name: None}


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "first.last+tag@sub.example.com",
        "o'neil@example.com",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "jürgen@exämple.com",
        "用户@例子.广告",
        "x" * 64 + "@example.com",
    ],
)
def test_email_addresses_of_any_script_are_accepted(address: str) -> None:
    assert checked_for_update({"customer_email": address}) == {"customer_email": address}


@pytest.mark.parametrize("fields", [{}, {"subject": "S"}, {"metadata": {"a": 1}}])
def test_valid_values_pass_unchanged(fields: dict[str, Any]) -> None:
    assert checked_for_update(fields).keys() == fields.keys()
