"""Read the parameters of a GraphQL request from a JSON body or a query string."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from app.http.json_body import InvalidJson, TooManyValues, parse_json
from app.http.problem import HttpProblem

__all__ = ["GraphQLRequest", "read_json", "read_parameters", "read_query_string"]

_CODE = "BAD_USER_INPUT"
_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})


@dataclass(slots=True)
class GraphQLRequest:
    """The parameters of a request.

    ``query`` is the text of the document and ``document_id`` its hash; at least one is set.
    A request with both registers the document, so that later requests can send the hash
    alone. ``is_apollo`` is true if the hash came in Apollo's ``extensions.persistedQuery``.
    """

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    document_id: str | None = None
    is_apollo: bool = False
    # The position of the caller's last change, in ``extensions.position``; None without one.
    position: str | None = None


def read_json(body: bytes, *, max_values: int) -> GraphQLRequest:
    """Read a JSON body; raises HttpProblem (400), or 413 if it has too many values."""
    try:
        content = parse_json(body, max_values=max_values)
    except TooManyValues as error:
        raise HttpProblem(413, "PAYLOAD_TOO_LARGE", error.reason) from None
    except InvalidJson as error:
        raise HttpProblem(400, _CODE, error.reason) from None
    if isinstance(content, list):
        raise HttpProblem(400, _CODE, "Batches are not supported. Send one request at a time.")
    if not isinstance(content, dict):
        raise HttpProblem(400, _CODE, "The body must be a JSON object.")
    return read_parameters(content)


def read_query_string(query_string: bytes, *, max_values: int) -> GraphQLRequest:
    """Read the query string of a GET request; raises HttpProblem (400 or 413)."""
    try:
        fields = parse_qs(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        detail = "The query string is invalid. Encode it in UTF-8, with at most 20 parameters."
        raise HttpProblem(400, _CODE, detail) from None
    parameters: dict[str, Any] = {}
    for name, values in fields.items():
        if name not in _PARAMETERS:
            continue
        if len(values) > 1:
            raise HttpProblem(400, _CODE, f"{name} is given more than once.")
        parameters[name] = values[0]
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _parse_parameter(name, parameters[name], max_values)
    return read_parameters(parameters)


def _parse_parameter(name: str, text: str, max_values: int) -> Any:
    if not text:
        return None
    try:
        return parse_json(text.encode(), max_values=max_values)
    except TooManyValues as error:
        reason = error.reason.replace("The body", name)
        raise HttpProblem(413, "PAYLOAD_TOO_LARGE", reason) from None
    except InvalidJson as error:
        raise HttpProblem(400, _CODE, error.reason.replace("The body", name)) from None
    except UnicodeEncodeError:
        raise HttpProblem(400, _CODE, f"{name} is not valid Unicode.") from None


def read_parameters(parameters: Mapping[str, Any]) -> GraphQLRequest:
    """Check the types of the parameters; raises HttpProblem (400)."""
    query = parameters.get("query")
    if query is not None and not isinstance(query, str):
        raise HttpProblem(400, _CODE, "query must be a string.")
    operation_name = parameters.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise HttpProblem(400, _CODE, "operationName must be a string or null.")
    # No operation has an empty name. It means none, as in a query string.
    operation_name = operation_name or None
    variables = parameters.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise HttpProblem(400, _CODE, "variables must be an object or null.")
    extensions = parameters.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise HttpProblem(400, _CODE, "extensions must be an object or null.")
    persisted_query = (extensions or {}).get("persistedQuery")
    is_apollo = persisted_query is not None
    document_id = _document_id(parameters.get("documentId"), persisted_query)
    if document_id is None and query is None:
        raise HttpProblem(400, _CODE, "query is missing. Send the text of a GraphQL document.")
    if document_id is not None and query is not None and not is_apollo:
        raise HttpProblem(400, _CODE, "Send either query or documentId, not both.")
    request = GraphQLRequest(
        query, operation_name, variables or {}, document_id, is_apollo=is_apollo
    )
    if extensions and "position" in extensions:
        # The text of any other value than a string is not a valid position.
        request.position = str(extensions["position"])
    return request


def _document_id(document_id: Any, persisted_query: Any) -> str | None:
    """Return the hash of the document, however the client sends it; raises HttpProblem (400)."""
    if persisted_query is None:
        if document_id is not None and not isinstance(document_id, str):
            raise HttpProblem(400, _CODE, "documentId must be a string.")
        return document_id
    if document_id is not None:
        detail = "Send either documentId or extensions.persistedQuery, not both."
        raise HttpProblem(400, _CODE, detail)
    return _sha256(persisted_query)


def _sha256(persisted_query: Any) -> str:
    """Return the hash in Apollo's ``persistedQuery``; raises HttpProblem (400)."""
    if isinstance(persisted_query, dict) and persisted_query.get("version", 1) == 1:
        sha256 = persisted_query.get("sha256Hash")
        if isinstance(sha256, str):
            return sha256
    detail = "extensions.persistedQuery must be an object with version 1 and a text sha256Hash."
    raise HttpProblem(400, _CODE, detail)
