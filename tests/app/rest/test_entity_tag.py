"""If-Match and ETag (RFC 9110)."""

import pytest

from app.http.problem import HttpProblem
from app.rest.entity_tag import ANY, entity_tag, parse_if_match


@pytest.mark.parametrize(
    ("value", "versions"),
    [
        (None, ANY),
        ("*", ANY),
        (" * ", ANY),
        ('"3"', {3}),
        ('"3", "4"', {3, 4}),
        ('"3","4" , "5"', {3, 4, 5}),
        ('"3",', {3}),
        # In a strong comparison a weak tag matches nothing, and neither does a foreign tag.
        ('W/"3"', set()),
        ('"abc"', set()),
        ('"03", "0", "-1", ""', set()),
        ('"99999999999"', set()),
        ('"a,b", "3"', {3}),
    ],
)
def test_if_match_lists_the_accepted_versions(value: str | None, versions: set[int] | None) -> None:
    assert parse_if_match(value) == versions


@pytest.mark.parametrize("value", ["", "3", "'3'", '"3', '"3" "4"', '* "3"', '"3", *', 'w/"3"'])
def test_an_invalid_if_match_is_a_bad_request(value: str) -> None:
    with pytest.raises(HttpProblem) as refusal:
        parse_if_match(value)
    assert refusal.value.status == 400
    assert refusal.value.errors[0]["header"] == "If-Match"


def test_a_tag_contains_its_version() -> None:
    assert parse_if_match(entity_tag(7)) == frozenset({7})
