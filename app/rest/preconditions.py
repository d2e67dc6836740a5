"""Conditional requests for a ticket (RFC 9110, section 13); its entity tag is its version.

Responses do not have Last-Modified, whose resolution of a second is too coarse for versions, so
If-Modified-Since and If-Unmodified-Since are ignored.
"""

import re
from dataclasses import dataclass

from starlette.requests import Request

from app.http.entity_tags import MAX_TAGS, InvalidTags, TagList, parse_tags
from app.http.problem import HttpProblem
from models import Ticket
from resolvers.errors import Conflict, ErrorCode

__all__ = ["Preconditions", "entity_tag", "read_preconditions"]

_VERSION = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The conditions of a request; None if it does not have the header."""

    if_match: TagList | None
    if_none_match: TagList | None

    @property
    def single_version(self) -> int | None:
        """The version that the conditions require, if they name exactly one and nothing else."""
        tags = self.if_match
        if tags is None or self.if_none_match is not None or len(tags.strong) != 1 or tags.weak:
            return None
        [tag] = tags.strong
        return int(tag) if _VERSION.fullmatch(tag) else None

    @property
    def accept_any(self) -> bool:
        """Whether the conditions hold for each version."""
        return self.if_none_match is None and (self.if_match is None or self.if_match.is_any)

    def check_for_change(self, ticket: Ticket) -> None:
        """Raise Conflict if the conditions do not hold for this version of a ticket."""
        self._check_match(ticket)
        if self._is_excluded(ticket):
            message = (
                f"The ticket has version {ticket.version}, which If-None-Match excludes. Nothing"
                " was changed."
            )
            raise Conflict(ErrorCode.VERSION_CONFLICT, message, "if_none_match", current=ticket)

    def check_for_read(self, ticket: Ticket) -> bool:
        """Return whether to respond with the ticket, because the client has another version.

        Raises Conflict if If-Match does not name the version of the ticket.
        """
        self._check_match(ticket)
        return not self._is_excluded(ticket)

    def _check_match(self, ticket: Ticket) -> None:
        tags = self.if_match
        if tags is not None and not tags.matches_strongly(str(ticket.version)):
            message = (
                f"The ticket has version {ticket.version}, which If-Match does not name. Read it"
                " again and repeat the request."
            )
            raise Conflict(ErrorCode.VERSION_CONFLICT, message, "expected_version", current=ticket)

    def _is_excluded(self, ticket: Ticket) -> bool:
        tags = self.if_none_match
        return tags is not None and tags.matches_weakly(str(ticket.version))


def entity_tag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def read_preconditions(request: Request) -> Preconditions:
    """Return the conditions of a request; raise HttpProblem (400) for an invalid header."""
    return Preconditions(_tags(request, "If-Match"), _tags(request, "If-None-Match"))


def _tags(request: Request, name: str) -> TagList | None:
    lines = request.headers.getlist(name)
    if not lines:
        return None
    try:
        tags = parse_tags(lines)
    except InvalidTags:
        tags = None
    if tags is None:
        detail = (
            f"{name} must be * or a list of at most {MAX_TAGS} tags in double quotes, for example"
            ' "3".'
        )
        error = {"detail": detail, "code": "INVALID", "header": name}
        raise HttpProblem(400, "INVALID", detail, errors=[error])
    return tags
