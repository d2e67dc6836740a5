"""The OpenAPI document of all REST routes."""

from functools import cache
from typing import Any

import orjson

from app import __version__
from app.rest.listing import PARAMETERS
from app.rest.openapi.responses import (
    REQUEST_HEADERS,
    component_headers,
    component_responses,
    operation_responses,
    options_responses,
    problem_codes,
)
from app.rest.openapi.schemas import component_schemas
from app.rest.operation import Operation
from app.rest.resource import Resource
from app.rest.routes import REST_ROUTES
from models.columns import ID_MAX_LENGTH
from schema.access import OPS, READ, WRITE

__all__ = ["openapi_document", "openapi_text"]

_DESCRIPTION = """\
REST interface to tickets. The GraphQL interface at `/graphql` has the same tickets and further
operations.

Fields have the names of the database columns, enumerations are in lower case, and times are in
UTC. Failures are problem documents (RFC 9457) with a `code` for programs. Each path responds to
HEAD as to GET, and to any other method with 405. Responses may gain fields.
"""


@cache
def openapi_document() -> dict[str, Any]:
    """Return the document as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ticket OPS Management Backend",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {resource.template: _path_item(resource) for resource in REST_ROUTES},
        "components": {
            "schemas": component_schemas(),
            "headers": component_headers(),
            "parameters": _parameters(),
            "responses": component_responses(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token or a JWT with the scopes"
                    f" `{READ}`, `{WRITE}` or `{OPS}`. Servers with AUTH=off need none.",
                }
            },
        },
        "x-problem-codes": problem_codes(),
    }


def openapi_text() -> str:
    """Return the document as JSON text."""
    return orjson.dumps(openapi_document(), option=orjson.OPT_INDENT_2).decode() + "\n"


def _path_item(resource: Resource) -> dict[str, Any]:
    has_id = "{id}" in resource.template
    item: dict[str, Any] = {
        method.lower(): _operation(operation, has_id=has_id)
        for method, operation in resource.operations.items()
    }
    item["options"] = {
        "summary": "Get the allowed methods",
        "description": "CORS preflight requests are answered as CORS_ORIGINS allows.",
        "responses": options_responses(),
        "security": [],
    }
    if has_id:
        item["parameters"] = [_parameter_reference("id")]
        # OPTIONS accepts any id.
        any_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        item["options"]["parameters"] = [any_id]
    return item


def _operation(operation: Operation, *, has_id: bool) -> dict[str, Any]:
    names = [*(PARAMETERS if operation.has_list_query else ()), *operation.headers]
    names += ["X-Request-Id", "Ticketops-Position"]
    content: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if operation.description:
        content["description"] = operation.description
    content["parameters"] = [_parameter_reference(name) for name in names]
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body}"}
        content["requestBody"] = {
            "required": operation.is_body_required,
            "content": {"application/json": {"schema": schema}},
        }
    content["responses"] = operation_responses(operation, has_id=has_id)
    content["security"] = [{"bearer": sorted(operation.scopes)}]
    return content


def _parameters() -> dict[str, Any]:
    return {
        "id": {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "Id of the ticket, percent-encoded.",
            "schema": {"type": "string", "minLength": 1, "maxLength": ID_MAX_LENGTH},
        },
        **{
            name: {
                "name": name,
                "in": "query",
                "description": parameter.description,
                "allowEmptyValue": True,
                "schema": dict(parameter.schema),
            }
            for name, parameter in PARAMETERS.items()
        },
        **{
            name: {
                "name": name,
                "in": "header",
                "description": description,
                "schema": dict(schema),
            }
            for name, (description, schema) in REQUEST_HEADERS.items()
        },
    }


def _parameter_reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}
