"""If-Match, as RFC 9110 has it."""

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
        # Compared strongly, a weak tag matches nothing; nor does one that is not ours.
        ('W/"3"', set()),
        ('"abc"', set()),
        ('"03", "0", "-1", ""', set()),
        ('"99999999999"', set()),
        ('"a,b", "3"', {3}),
    ],
)
def test_the_versions_asked_for(value: str | None, versions: set[int] | None) -> None:
    assert parse_if_match(value) == versions


@pytest.mark.parametrize("value", ["", "3", "'3'", '"3', '"3" "4"', '* "3"', '"3", *', 'w/"3"'])
def test_what_is_no_list_of_tags_is_a_bad_request(value: str) -> None:
    with pytest.raises(HttpProblem) as refusal:
        parse_if_match(value)
    assert refusal.value.status == 400
    assert refusal.value.errors[0]["header"] == "If-Match"


def test_a_version_comes_back_from_its_tag() -> None:
    assert parse_if_match(entity_tag(7)) == frozenset({7})
