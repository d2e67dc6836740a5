"""Meaning of every error code: where it occurs, its HTTP status, and what the client can do.

A test compares these tables with the codes in the sources.
"""

from dataclasses import dataclass

from resolvers.errors import ErrorCode

__all__ = ["GRAPHQL_CODES", "HTTP_CODES", "USER_ERROR_ACTIONS", "CodeDescription"]


@dataclass(frozen=True, slots=True)
class CodeDescription:
    """An error code: the HTTP statuses it is sent with, its meaning, and what to do."""

    code: str
    statuses: tuple[int, ...]
    meaning: str
    action: str


# `errors[].extensions.code` of a GraphQL response. The status applies to
# application/graphql-response+json.
GRAPHQL_CODES = (
    CodeDescription(
        "GRAPHQL_PARSE_FAILED",
        (400,),
        "The document has a syntax error.",
        "Correct the document at the location given.",
    ),
    CodeDescription(
        "GRAPHQL_VALIDATION_FAILED",
        (400,),
        "The document does not match the schema.",
        "Correct the document. `ticketops schema export` prints the schema.",
    ),
    CodeDescription(
        "BAD_USER_INPUT",
        (200, 400, 405, 415),
        "The request, a variable or an argument is invalid.",
        "Correct the input. `extensions.argument` is the path of an invalid argument.",
    ),
    CodeDescription(
        "QUERY_TOO_COMPLEX",
        (400,),
        "The operation exceeds a limit, such as that of tokens, depth, aliases or cost.",
        "Request less at once, for example smaller pages. The message names the limit.",
    ),
    CodeDescription(
        "RESPONSE_TOO_LARGE",
        (400,),
        "The answer would exceed MAX_ANSWER_BYTES. A mutation was executed nevertheless.",
        "Request smaller pages, or fewer fields and aliases. The message names the field that"
        " weighs most.",
    ),
    CodeDescription(
        "DOCUMENT_NOT_FOUND",
        (400,),
        "No persisted document has this hash, or only persisted documents are accepted.",
        "Send the text of the document with its hash, or add it to `PERSISTED_DOCUMENTS`.",
    ),
    CodeDescription(
        "UNAUTHENTICATED",
        (401,),
        "The credential is missing, invalid or expired.",
        "Send a valid API token or JWT as `Authorization: Bearer`.",
    ),
    CodeDescription(
        "FORBIDDEN",
        (403,),
        "The caller lacks a scope, or a web page of another origin sent the request.",
        "Use a token with the scope named in the message, or add the origin to `CORS_ORIGINS`.",
    ),
    CodeDescription(
        "NOT_ACCEPTABLE",
        (406,),
        "The server cannot produce a media type of the `Accept` header.",
        "Accept `application/graphql-response+json` or `application/json`.",
    ),
    CodeDescription(
        "PAYLOAD_TOO_LARGE",
        (413,),
        "The body is larger than `MAX_BODY_BYTES`, or its JSON has more than"
        " `MAX_JSON_VALUES` values.",
        "Send less at once.",
    ),
    CodeDescription(
        "RATE_LIMITED",
        (429,),
        "The caller exceeds `RATE_LIMIT`, `MAX_CONNECTIONS` or `MAX_SUBSCRIPTIONS`.",
        "Try again after the time in `Retry-After`, or close a connection.",
    ),
    CodeDescription(
        "TOO_SLOW",
        (200,),
        "A subscriber received events more slowly than they occurred.",
        "Subscribe again after the cursor in `extensions.lastCursor`.",
    ),
    CodeDescription(
        "EVENTS_LOST",
        (200,),
        "The database has lost committed changes, in a failover to a server without them or in a"
        " restore. Events that the subscription has delivered may describe lost changes.",
        "Read the current state, and subscribe without a cursor.",
    ),
    CodeDescription(
        "TIMEOUT",
        (504,),
        "The operation, or its body, exceeded `REQUEST_TIMEOUT_MS`.",
        "Request less at once, or try again.",
    ),
    CodeDescription(
        "SERVICE_UNAVAILABLE",
        (503,),
        "The database, or the server of the JWT keys, did not respond.",
        "Try again after the time in `Retry-After`.",
    ),
    CodeDescription(
        "INTERNAL",
        (500,),
        "The server failed unexpectedly.",
        "Report the request id in `extensions.requestId`; the log has the details.",
    ),
)

# `code` of a problem document (RFC 9457), in addition to the user errors below.
HTTP_CODES = (
    CodeDescription(
        "RESPONSE_TOO_LARGE",
        (400,),
        "The answer would exceed MAX_ANSWER_BYTES.",
        "Lower `limit`.",
    ),
    CodeDescription(
        "BAD_REQUEST",
        (400, 426),
        "The request is not valid HTTP/1.1, does not have exactly one `Host` header, or is not"
        " a valid WebSocket handshake.",
        "Correct the client.",
    ),
    CodeDescription("INVALID_JSON", (400,), "The body is not valid JSON.", "Correct the body."),
    CodeDescription(
        "UNAUTHENTICATED",
        (401,),
        "The credential is missing, invalid or expired.",
        "Send a valid API token or JWT as `Authorization: Bearer`.",
    ),
    CodeDescription(
        "FORBIDDEN",
        (403,),
        "The caller lacks a scope, or a web page of another origin sent the request.",
        "Use a token with the scope named in `WWW-Authenticate`, or add the origin to "
        "`CORS_ORIGINS`.",
    ),
    CodeDescription(
        "NOT_FOUND",
        (404,),
        "No resource has this path or id.",
        "Check the URL.",
    ),
    CodeDescription(
        "METHOD_NOT_ALLOWED",
        (405,),
        "The path does not support the method.",
        "Use a method of the `Allow` header.",
    ),
    CodeDescription(
        "TIMEOUT",
        (408, 504),
        "The head of the request (408), its body or its processing (504) exceeded "
        "`REQUEST_TIMEOUT_MS`.",
        "Try again.",
    ),
    CodeDescription(
        "PAYLOAD_TOO_LARGE",
        (413,),
        "The body is larger than `MAX_BODY_BYTES`, or its JSON has more than"
        " `MAX_JSON_VALUES` values.",
        "Send less at once.",
    ),
    CodeDescription(
        "UNSUPPORTED_MEDIA_TYPE",
        (415,),
        "The media type of the body is not supported.",
        "Send `application/json`.",
    ),
    CodeDescription(
        "URI_TOO_LONG",
        (414,),
        "The path of the request is longer than 1,024 bytes.",
        "Send a shorter path.",
    ),
    CodeDescription(
        "MISDIRECTED_REQUEST",
        (421,),
        "Authentication is off, and the `Host` header names another host than this machine. "
        "This protects against DNS rebinding.",
        "Use localhost or a loopback address, or set `AUTH=required`.",
    ),
    CodeDescription(
        "RATE_LIMITED",
        (429,),
        "The caller exceeds `RATE_LIMIT`, or its address sent too many invalid credentials.",
        "Try again after the time in `Retry-After`.",
    ),
    CodeDescription(
        "HEADERS_TOO_LARGE",
        (431,),
        "The head of the request is larger than 64 KiB.",
        "Send fewer or shorter headers.",
    ),
    CodeDescription(
        "INTERNAL",
        (500,),
        "The server failed unexpectedly.",
        "Report the `request_id`; the log has the details.",
    ),
    CodeDescription(
        "NOT_IMPLEMENTED",
        (501,),
        "The method is `CONNECT`, or the body has a transfer coding other than `chunked`.",
        "Correct the client.",
    ),
    CodeDescription(
        "SERVICE_UNAVAILABLE",
        (503,),
        "The database, or the server of the JWT keys, did not respond.",
        "Try again after the time in `Retry-After`.",
    ),
    CodeDescription(
        "HTTP_VERSION_NOT_SUPPORTED",
        (505,),
        "The request is not HTTP/1.1 or HTTP/1.0.",
        "Use HTTP/1.1, or a proxy that accepts HTTP/2.",
    ),
)

# What to do about each error of a resolver; the GraphQL schema has the meanings.
USER_ERROR_ACTIONS = {
    ErrorCode.REQUIRED: "Send a value.",
    ErrorCode.INVALID: "Correct the value.",
    ErrorCode.TOO_LONG: "Shorten the value.",
    ErrorCode.NOT_FOUND: "Check the id.",
    ErrorCode.ALREADY_EXISTS: "Choose another id, or leave it out.",
    ErrorCode.VERSION_CONFLICT: "Read the ticket again, and repeat the change with its version.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "Use a new key for a new request.",
    ErrorCode.INVALID_STATE: "Read the state of the ticket and its delivery again, or remove what"
    " the message names.",
    ErrorCode.NOT_SENT: "Send the ticket to OPS first.",
    ErrorCode.OPS_UNAVAILABLE: "Try again later; a pending delivery is retried automatically.",
    ErrorCode.OPS_TIMEOUT: "Try again later; a pending delivery is retried automatically.",
    ErrorCode.OPS_REJECTED: "Correct the ticket, then send it again.",
    ErrorCode.OPS_CIRCUIT_OPEN: "Try again after the time in `retryAfterMs` or `Retry-After`.",
}
