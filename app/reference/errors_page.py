"""Reference page of the error codes."""

from collections.abc import Iterable

from graphql import GraphQLEnumType

from app.http.error_codes import (
    GRAPHQL_CODES,
    HTTP_CODES,
    USER_ERROR_ACTIONS,
    CodeDescription,
)
from app.reference.markdown import code, page, table
from app.rest.problems import HTTP_STATUS
from schema.build import graphql_schema

__all__ = ["errors_page"]

INTRODUCTION = """\
An error has a code for programs and a message for people. Codes are stable; messages can change.

- [User errors](#user-errors) are the expected failures of an operation, such as an invalid value.
  GraphQL mutations return them as data in `errors`, and REST as problem documents.
- [GraphQL errors](#graphql-errors) concern a whole GraphQL request.
- [HTTP problems](#http-problems) concern a request to any other path."""
USER_ERRORS = """\
## User errors

GraphQL: `code` of a member of a mutation's `errors`, with the `path` of the argument. REST:
`code` of a problem document, and of each member of its `errors`."""
GRAPHQL_ERRORS = """\
## GraphQL errors

`errors[].extensions.code` of a GraphQL response. The HTTP status applies to
`application/graphql-response+json`; a response as `application/json` has the status 200 unless the
request itself is invalid or refused."""
HTTP_PROBLEMS = """\
## HTTP problems

`code` of a problem document (`application/problem+json`, RFC 9457), in addition to the user errors
above."""


def errors_page() -> str:
    """Return the page: one table for each kind of errors."""
    return page(
        "Error codes",
        INTRODUCTION,
        USER_ERRORS,
        _table(_user_errors()),
        GRAPHQL_ERRORS,
        _table(GRAPHQL_CODES),
        HTTP_PROBLEMS,
        _table(HTTP_CODES),
    )


def _user_errors() -> Iterable[CodeDescription]:
    enum = graphql_schema().type_map["ErrorCode"]
    if not isinstance(enum, GraphQLEnumType):
        raise TypeError("ErrorCode is not an enum")
    for error_code, status in HTTP_STATUS.items():
        meaning = enum.values[error_code.name].description or ""
        yield CodeDescription(error_code.name, (status,), meaning, USER_ERROR_ACTIONS[error_code])


def _table(descriptions: Iterable[CodeDescription]) -> str:
    rows = [
        (
            code(description.code),
            ", ".join(map(str, description.statuses)),
            description.meaning,
            description.action,
        )
        for description in descriptions
    ]
    return table(("Code", "HTTP status", "Meaning", "What to do"), rows)
