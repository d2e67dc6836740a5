"""Which tickets a list request asks for, and where its next page is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from app.http.problem import HttpProblem
from engine.sql.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from models.columns import enum_of
from models.ticket import TICKET_COLUMNS, TICKET_FIELDS
from resolvers.tickets.filters import TicketFilter

__all__ = ["Listing", "bad_parameter", "next_link", "parse_listing"]

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of tickets, as the query of a URL asks for it."""

    filter: TicketFilter
    limit: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None


def parse_listing(query: bytes) -> Listing:
    """Read a query; raises HttpProblem (400), which names every parameter that cannot be used.

    A parameter without a value is one that was not given.
    """
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        detail = "The query must be UTF-8, percent-encoded."
        raise HttpProblem(400, "INVALID", detail) from None
    filter_: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    problems: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            problems[name] = f"{name} must be given once only."
        seen.add(name)
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            problems[name] = f"There is no parameter {name[:100]}; there are {known}."
        elif value:
            try:
                (rest if name in _OF_THE_PAGE else filter_).update(_PARAMETERS[name](value))
            except ValueError as error:
                problems[name] = f"{name} {error}."
    if problems:
        raise _bad(problems)
    return Listing(cast("TicketFilter", filter_), **rest)


def bad_parameter(name: str, detail: str) -> HttpProblem:
    """Return the problem of one parameter."""
    return _bad({name: detail})


def next_link(request: Request, cursor: str) -> str:
    """Return the Link header (RFC 8288) to the next page: the same query, from this cursor on.

    A whole URL, for clients that take it as it is; so a proxy must keep Host, and say
    in X-Forwarded-Proto that it speaks https.
    """
    pairs = parse_qsl(request.scope["query_string"].decode())
    query = urlencode([pair for pair in pairs if pair[0] != "cursor"] + [("cursor", cursor)])
    url = request.url.replace(query=query)
    if request.headers.get("X-Forwarded-Proto", "").lower() == "https":
        url = url.replace(scheme="https")
    return f'<{url}>; rel="next"'


def _bad(problems: Mapping[str, str]) -> HttpProblem:
    errors = [
        {"detail": detail, "code": "INVALID", "parameter": name[:100]}
        for name, detail in list(problems.items())[:20]
    ]
    return HttpProblem(400, "INVALID", " ".join(error["detail"] for error in errors), errors=errors)


def _limit(text: str) -> dict[str, Any]:
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= number <= MAX_PAGE_SIZE:
        raise ValueError(f"must be a number from 1 to {MAX_PAGE_SIZE}")
    return {"limit": number}


def _cursor(text: str) -> dict[str, Any]:
    return {"cursor": text}


def _search(text: str) -> dict[str, Any]:
    return {"search": text}


def _text(name: str, text: str) -> dict[str, Any]:
    return {name: {"eq": text}}


def _member(name: str, enum: type[StrEnum], text: str) -> dict[str, Any]:
    try:
        return {name: {"eq": enum(text.lower())}}
    except ValueError:
        raise ValueError(f"must be one of {', '.join(enum)}") from None


def _equal(name: str) -> Callable[[str], dict[str, Any]]:
    if (enum := enum_of(TICKET_COLUMNS[name])) is not None:
        return partial(_member, name, enum)
    return partial(_text, name)


_PARAMETERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    **{name: _equal(name) for name, field in TICKET_FIELDS.items() if field.is_rest_parameter},
    "q": _search,
    "limit": _limit,
    "cursor": _cursor,
}
_OF_THE_PAGE = frozenset({"limit", "cursor"})
