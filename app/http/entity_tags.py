"""Entity tags, and the headers that list them (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["MAX_TAGS", "InvalidTags", "TagList", "matches_any", "parse_tags"]

# A client has seen fewer versions of one resource.
MAX_TAGS = 100
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(rf"[ \t,]*{_TAG.pattern}(?:[ \t]*,[ \t,]*{_TAG.pattern})*[ \t,]*")


class InvalidTags(ValueError):
    """The header is not ``*`` or a list of tags, or has too many tags."""


@dataclass(frozen=True, slots=True)
class TagList:
    """The value of If-Match or If-None-Match; ``is_any`` for ``*``."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    is_any: bool = False

    def matches_strongly(self, tag: str) -> bool:
        """Return whether a strong tag, without quotes, is one of the strong tags."""
        return self.is_any or tag in self.strong

    def matches_weakly(self, tag: str) -> bool:
        """Return whether a tag, without quotes, is one of the tags, weak or strong."""
        return self.is_any or tag in self.strong or tag in self.weak


def parse_tags(lines: Iterable[str]) -> TagList | None:
    """Return the tags of all lines of a header, or None without any; raises InvalidTags."""
    joined = ",".join(lines)
    if not joined:
        return None
    if joined.strip(" \t,") == "*":
        return TagList(is_any=True)
    if joined.count(",") >= MAX_TAGS or not _LIST.fullmatch(joined):
        raise InvalidTags
    tags = _TAG.findall(joined)
    return TagList(
        strong=frozenset(tag for weak, tag in tags if not weak),
        weak=frozenset(tag for weak, tag in tags if weak),
    )


def matches_any(headers: Iterable[tuple[bytes, bytes]], tag: str) -> bool:
    """Return whether If-None-Match names a tag; an invalid header names none."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"if-none-match"]
    if not lines:
        return False
    try:
        tags = parse_tags(lines)
    except InvalidTags:
        return False
    return tags is not None and tags.matches_weakly(tag)
