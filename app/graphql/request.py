"""What is asked: the parameters of a GraphQL request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from app.http.json_body import InvalidJson, parse_json
from app.http.problem import HttpProblem

__all__ = ["GraphQLRequest", "checked", "read_json", "read_query_string"]

_CODE = "BAD_USER_INPUT"
_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})


@dataclass(slots=True)
class GraphQLRequest:
    """The parameters.

    ``query`` is the text of the document, ``document_id`` its hash. With both, the text
    is told so that later the hash will do; ``may_tell`` where the client knows how.
    """

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    document_id: str | None = None
    may_tell: bool = False


def read_json(body: bytes) -> GraphQLRequest:
    """Read a JSON body; raises HttpProblem (400)."""
    try:
        content = parse_json(body)
    except InvalidJson as error:
        raise HttpProblem(400, _CODE, error.reason) from None
    if isinstance(content, list):
        raise HttpProblem(400, _CODE, "Batches are not supported: send one request at a time.")
    if not isinstance(content, dict):
        raise HttpProblem(400, _CODE, "The body must be a JSON object.")
    return checked(content)


def read_query_string(query_string: bytes) -> GraphQLRequest:
    """Read the parameters of a GET; raises HttpProblem (400)."""
    try:
        given = parse_qs(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise HttpProblem(400, _CODE, "The query string cannot be read.") from None
    content: dict[str, Any] = {}
    for name, values in given.items():
        if name not in _PARAMETERS:
            continue
        if len(values) > 1:
            raise HttpProblem(400, _CODE, f"{name} is given more than once.")
        content[name] = values[0]
    for name in ("variables", "extensions"):
        text = content.get(name)
        if text is None:
            continue
        try:
            content[name] = parse_json(text.encode()) if text else None
        except InvalidJson as error:
            reason = error.reason.replace("The body", name)
            raise HttpProblem(400, _CODE, reason) from None
        except UnicodeEncodeError:
            raise HttpProblem(400, _CODE, f"{name} is not valid Unicode.") from None
    if content.get("operationName") == "":
        content["operationName"] = None
    return checked(content)


def checked(content: Mapping[str, Any]) -> GraphQLRequest:
    """Return the parameters in a JSON object; raises HttpProblem (400)."""
    query = content.get("query")
    if query is not None and not isinstance(query, str):
        raise HttpProblem(400, _CODE, "query must be a string.")
    operation_name = content.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise HttpProblem(400, _CODE, "operationName must be a string or null.")
    variables = content.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise HttpProblem(400, _CODE, "variables must be an object or null.")
    extensions = content.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise HttpProblem(400, _CODE, "extensions must be an object or null.")
    persisted = extensions.get("persistedQuery") if extensions else None
    document_id = content.get("documentId") if persisted is None else _sha256(persisted)
    if document_id is None:
        if query is None:
            raise HttpProblem(400, _CODE, "query is missing: the text of a GraphQL document.")
        return GraphQLRequest(query, operation_name, variables or {})
    if not isinstance(document_id, str):
        raise HttpProblem(400, _CODE, "documentId must be a string.")
    if query is not None and persisted is None:
        raise HttpProblem(400, _CODE, "query and documentId cannot be given together.")
    return GraphQLRequest(
        query, operation_name, variables or {}, document_id, may_tell=persisted is not None
    )


def _sha256(persisted_query: Any) -> str:
    """Return the hash of Apollo's protocol; raises HttpProblem (400)."""
    if isinstance(persisted_query, dict) and persisted_query.get("version", 1) == 1:
        sha256 = persisted_query.get("sha256Hash")
        if isinstance(sha256, str):
            return sha256
    detail = "extensions.persistedQuery must be an object with version 1 and a sha256Hash."
    raise HttpProblem(400, _CODE, detail)
