"""ETag and If-Match (RFC 9110, sections 8.8.3 and 13.1.1); a tag is a ticket's version."""

import re

from app.http.problem import HttpProblem

__all__ = ["ANY", "entity_tag", "parse_if_match"]

# "If-Match: *", or no If-Match: any version.
ANY = None
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(rf"[ \t]*{_TAG.pattern}[ \t]*(?:,[ \t]*(?:{_TAG.pattern}[ \t]*)?)*")
# A client has seen fewer versions of one ticket.
MAX_TAGS = 100
_VERSION = re.compile(r"[1-9][0-9]{0,9}")


def entity_tag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def parse_if_match(value: str | None) -> frozenset[int] | None:
    """Return the versions that an If-Match header accepts, or ANY; raise HttpProblem (400).

    Weak tags, and tags that are not versions, match no version.
    """
    if value is None or value.strip(" \t") == "*":
        return ANY
    if value.count(",") >= MAX_TAGS or not _LIST.fullmatch(value):
        detail = (
            f"If-Match must be * or a list of at most {MAX_TAGS} tags in double quotes, for example"
            ' "3".'
        )
        error = {"detail": detail, "code": "INVALID", "header": "If-Match"}
        raise HttpProblem(400, "INVALID", detail, errors=[error])
    return frozenset(
        int(content)
        for weak, content in _TAG.findall(value)
        if not weak and _VERSION.fullmatch(content)
    )
