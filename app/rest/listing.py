"""Query of ``GET /tickets``: filters, page size and cursor, and the link to the next page."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from tortoise.fields import BooleanField

from app.http.problem import HttpProblem
from engine.sql.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from models.columns import IntegerColumn, enum_of
from models.ticket import TICKET_COLUMNS, TICKET_FIELDS
from resolvers.tickets.filters import SEARCH_MAX_LENGTH, TicketFilter

__all__ = ["PARAMETERS", "Listing", "invalid_parameter", "next_link", "parse_listing"]

MAX_ERRORS = 20
MAX_PARAMETERS = 100
_INTEGER = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of tickets, as requested by a query."""

    filter: TicketFilter
    limit: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query. ``parse`` raises ValueError with the rest of a sentence."""

    description: str
    # JSON Schema of the value.
    schema: Mapping[str, Any]
    parse: Callable[[str], dict[str, Any]]
    is_filter: bool = True


def parse_listing(query: bytes) -> Listing:
    """Parse a query; raise HttpProblem (400) that names every invalid parameter.

    A parameter without a value is ignored.
    """
    count = query.count(b"&") + 1
    if count > MAX_PARAMETERS:
        detail = (
            f"The query has {count:,} parameters; at most {MAX_PARAMETERS} are allowed, which is a"
            " fixed limit."
        )
        raise HttpProblem(400, "INVALID", detail)
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        detail = "The query must be UTF-8, percent-encoded."
        raise HttpProblem(400, "INVALID", detail) from None
    ticket_filter: dict[str, Any] = {}
    page: dict[str, Any] = {}
    errors: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            errors[name] = f"{name} must be given only once."
        seen.add(name)
        parameter = PARAMETERS.get(name)
        if parameter is None:
            known = ", ".join(PARAMETERS)
            errors[name] = f"Unknown parameter {name[:100]}. Use {known}."
        elif value:
            try:
                parsed = parameter.parse(value)
            except ValueError as error:
                errors[name] = f"{name} {error}."
            else:
                (ticket_filter if parameter.is_filter else page).update(parsed)
    if errors:
        raise _invalid(errors)
    return Listing(cast("TicketFilter", ticket_filter), **page)


def invalid_parameter(name: str, detail: str) -> HttpProblem:
    """Return the problem of one invalid parameter."""
    return _invalid({name: detail})


def next_link(request: Request, cursor: str) -> str:
    """Return the Link header (RFC 8288) to the next page: the same query with this cursor.

    The URL is absolute, for clients that do not resolve relative ones. A proxy must therefore
    preserve Host, and set X-Forwarded-Proto if it accepts https.
    """
    pairs = parse_qsl(request.scope["query_string"].decode())
    query = urlencode([pair for pair in pairs if pair[0] != "cursor"] + [("cursor", cursor)])
    url = request.url.replace(query=query)
    # Each proxy may append the protocol that it received.
    protocol = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    if protocol.strip().lower() == "https":
        url = url.replace(scheme="https")
    return f'<{url}>; rel="next"'


def _invalid(details: Mapping[str, str]) -> HttpProblem:
    errors = [
        {"detail": detail, "code": "INVALID", "parameter": name[:100]}
        for name, detail in list(details.items())[:MAX_ERRORS]
    ]
    return HttpProblem(400, "INVALID", " ".join(error["detail"] for error in errors), errors=errors)


def _limit(text: str) -> dict[str, Any]:
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= number <= MAX_PAGE_SIZE:
        raise ValueError(f"must be a number from 1 to {MAX_PAGE_SIZE}")
    return {"limit": number}


def _text(name: str, text: str) -> dict[str, Any]:
    return {name: text}


def _equal(name: str, text: str) -> dict[str, Any]:
    return {name: {"eq": text}}


def _integer(name: str, column: IntegerColumn, text: str) -> dict[str, Any]:
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or not column.minimum <= number <= column.maximum:
        raise ValueError(f"must be an integer from {column.minimum} to {column.maximum}")
    return {name: {"eq": number}}


def _boolean(name: str, text: str) -> dict[str, Any]:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return {name: {"eq": text == "true"}}


def _member(name: str, enum: type[StrEnum], text: str) -> dict[str, Any]:
    try:
        return {name: {"eq": enum(text.lower())}}
    except ValueError:
        raise ValueError(f"must be one of {', '.join(enum)}") from None


def _filter_parameter(name: str) -> Parameter:
    description = f"List only tickets with this `{name}`."
    column = TICKET_COLUMNS[name]
    schema: dict[str, Any]
    if isinstance(column, IntegerColumn):
        bounds = {"minimum": column.minimum, "maximum": column.maximum}
        return Parameter(
            description, {"type": "integer", **bounds}, partial(_integer, name, column)
        )
    if isinstance(column, BooleanField):
        schema = {"type": "boolean"}
        return Parameter(description, schema, partial(_boolean, name))
    enum = enum_of(column)
    if enum is None:
        return Parameter(description, {"type": "string"}, partial(_equal, name))
    schema = {"type": "string", "enum": [member.value for member in enum]}
    return Parameter(f"{description} Upper case is allowed.", schema, partial(_member, name, enum))


PARAMETERS: Mapping[str, Parameter] = {
    **{
        name: _filter_parameter(name)
        for name, field in TICKET_FIELDS.items()
        if field.is_rest_parameter
    },
    "q": Parameter(
        "Full-text search in any language, for example `printer -ice`. Lists only tickets that"
        " match.",
        {"type": "string", "maxLength": SEARCH_MAX_LENGTH},
        partial(_text, "search"),
    ),
    "limit": Parameter(
        "Maximum number of tickets.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
        _limit,
        is_filter=False,
    ),
    "cursor": Parameter(
        "Start after this position. Follow the `Link` header instead of setting it.",
        {"type": "string"},
        partial(_text, "cursor"),
        is_filter=False,
    ),
}
