"""Parsing of the query of GET /tickets."""

import pytest

from app.http.problem import HttpProblem
from app.rest.listing import Listing, parse_listing
from models import TicketPriority, TicketStatus


@pytest.mark.parametrize(
    ("query", "listing"),
    [
        (b"", Listing({})),
        (b"status=in_progress", Listing({"status": {"eq": TicketStatus.IN_PROGRESS}})),
        (b"status=OPEN", Listing({"status": {"eq": TicketStatus.OPEN}})),
        (b"priority=high", Listing({"priority": {"eq": TicketPriority.HIGH}})),
        (
            b"category=a%26b&assigned_to=J%C3%BCrgen+M",
            Listing({"category": {"eq": "a&b"}, "assigned_to": {"eq": "Jürgen M"}}),
        ),
        (b"q=red%20-green", Listing({"search": "red -green"})),
        (b"limit=100&cursor=abc", Listing({}, limit=100, cursor="abc")),
        pytest.param(b"status=&q=&limit=&cursor=", Listing({}), id="empty values are ignored"),
    ],
)
def test_a_query_is_parsed(query: bytes, listing: Listing) -> None:
    assert parse_listing(query) == listing


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"limit=0", ["limit"]),
        (b"limit=101", ["limit"]),
        (b"limit=-1", ["limit"]),
        (b"limit=ten", ["limit"]),
        (b"limit=1.5", ["limit"]),
        (b"limit=" + b"9" * 5_000, ["limit"]),
        ("limit=٣".encode(), ["limit"]),
        (b"status=solved", ["status"]),
        (b"priority=urgent&status=solved", ["priority", "status"]),
        (b"page=2", ["page"]),
        (b"state=", ["state"]),
        (b"status=open&status=closed", ["status"]),
        (b"q=%FF", []),
        (b"q=\xff", []),
    ],
)
def test_every_invalid_parameter_is_named(query: bytes, parameters: list[str]) -> None:
    with pytest.raises(HttpProblem) as refusal:
        parse_listing(query)
    assert refusal.value.status == 400
    assert [error["parameter"] for error in refusal.value.errors] == parameters
    assert refusal.value.detail
