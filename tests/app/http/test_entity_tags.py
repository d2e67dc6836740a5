"""Lists of entity tags (RFC 9110, sections 8.8.3 and 13.1)."""

import pytest

from app.http.entity_tags import MAX_TAGS, InvalidTags, TagList, matches_any, parse_tags


@pytest.mark.parametrize(
    ("lines", "strong", "weak"),
    [
        (['"3"'], {"3"}, set()),
        (['"3", "4"'], {"3", "4"}, set()),
        (['"3","4" , "5"'], {"3", "4", "5"}, set()),
        (['"3",'], {"3"}, set()),
        ([', ,"3",, "4"'], {"3", "4"}, set()),
        (['W/"3", "3"'], {"3"}, {"3"}),
        (['"a,b", "", "ü"'], {"a,b", "", "ü"}, set()),
        (['"3"', 'W/"4"', '"5", "6"'], {"3", "5", "6"}, {"4"}),
        (["", '"3"'], {"3"}, set()),
    ],
)
def test_the_tags_of_all_lines_are_read(lines: list[str], strong: set[str], weak: set[str]) -> None:
    assert parse_tags(lines) == TagList(frozenset(strong), frozenset(weak))


@pytest.mark.parametrize("lines", [["*"], [" * "], ["*", ""]])
def test_an_asterisk_names_any_tag(lines: list[str]) -> None:
    assert parse_tags(lines) == TagList(is_any=True)


def test_without_the_header_there_is_no_list() -> None:
    assert parse_tags([]) is None


@pytest.mark.parametrize(
    "lines",
    [
        ["3"],
        ["'3'"],
        ['"3'],
        ['"3" "4"'],
        ['* "3"'],
        ['"3", *'],
        ["*", '"3"'],
        ["*", "*"],
        ['w/"3"'],
        [","],
        ['"3",' * MAX_TAGS],
        ['"3"'] * (MAX_TAGS + 1),
    ],
)
def test_anything_else_is_invalid(lines: list[str]) -> None:
    with pytest.raises(InvalidTags):
        parse_tags(lines)


def test_a_weak_tag_matches_only_weakly() -> None:
    tags = parse_tags(['W/"3", "4"'])
    assert tags is not None
    assert [tags.matches_strongly(tag) for tag in ("3", "4", "5")] == [False, True, False]
    assert [tags.matches_weakly(tag) for tag in ("3", "4", "5")] == [True, True, False]


@pytest.mark.parametrize(
    ("lines", "matches"),
    [
        ([], False),
        ([b'"other"', b'W/"a"'], True),
        ([b'"a"'], True),
        ([b"*"], True),
        ([b"a"], False),
        ([b'"b"'], False),
    ],
)
def test_if_none_match_compares_weakly(lines: list[bytes], *, matches: bool) -> None:
    assert matches_any([(b"if-none-match", line) for line in lines], "a") is matches
