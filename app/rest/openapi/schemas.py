"""Component schemas of the OpenAPI document: objects from the models, and request bodies."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from graphql import assert_object_type
from tortoise.fields import BooleanField, DatetimeField, Field, IntField, JSONField
from tortoise.models import Model

from app.rest.serializers import DELIVERY_FIELDS, LOG_ENTRY_FIELDS
from app.rest.tickets import READ_ONLY_FIELDS
from models import LogEntry, OpsDelivery, OpsRemoteStatus, OpsState, Ticket
from models.columns import IntegerColumn, TextColumn, columns_of, enum_of
from models.ticket import NEW_TICKET, TICKET_COLUMNS, TICKET_FIELDS
from resolvers.tables import graphql_name
from schema.build import graphql_schema

__all__ = ["JsonSchema", "component_schemas", "plain_description"]

JsonSchema = dict[str, Any]

_DATE_TIME: JsonSchema = {"type": "string", "format": "date-time"}


def component_schemas() -> dict[str, JsonSchema]:
    """Return all component schemas by name."""
    log_entry = {"anyOf": [_reference("LogEntry"), {"type": "null"}]}
    sent = {
        "ticket_id": {"type": "string"},
        "ops_state": _enum(OpsState),
        "delivery": _reference("Delivery"),
        "log_entry": log_entry,
    }
    return {
        "Ticket": _row(Ticket, TICKET_FIELDS),
        "TicketList": {"type": "array", "items": _reference("Ticket")},
        "NewTicket": _ticket_input(with_id=True, required=_required_fields()),
        "TicketChanges": _ticket_input(with_id=False, required=()),
        "Empty": {"type": "object", "maxProperties": 0},
        "Delivery": _row(OpsDelivery, DELIVERY_FIELDS),
        "LogEntry": _row(LogEntry, LOG_ENTRY_FIELDS),
        "Sent": _object({**sent, "problem": _reference("OpsFailure")}, required=sent),
        "OpsStatus": _object(
            {
                "ticket_id": {"type": "string"},
                "status": _enum(OpsRemoteStatus),
                "reference": {"type": "string", "description": "OPS's id for the ticket."},
                "checked_at": _DATE_TIME,
                "log_entry": _reference("LogEntry"),
            }
        ),
        "OpsFailure": _object(
            {
                "code": {"type": "string"},
                "detail": {"type": "string"},
                "retryable": {
                    "type": "boolean",
                    "description": "Whether the delivery is retried in the background.",
                },
                "retry_after_ms": {"type": ["integer", "null"], "minimum": 0},
            }
        ),
        "Problem": _problem(),
    }


def plain_description(text: str) -> str:
    """Return a description of the GraphQL schema with the names of the REST interface."""
    text = text.replace("`expectedVersion`", "`If-Match`").replace("`message`", "`detail`")
    text = re.sub(r"(?<=`)[a-z]+(?:[A-Z][a-z]+)+(?=`)", lambda found: _snake_case(found[0]), text)
    values = {member.name: member.value for enum in (OpsState, OpsRemoteStatus) for member in enum}
    return re.sub(r"\b[A-Z_]{4,}\b", lambda found: values.get(found[0], found[0]), text)


def _required_fields() -> list[str]:
    """Return the fields that a new ticket must have: without a default and not null."""
    return [
        name
        for name, default in NEW_TICKET.items()
        if default is None and not TICKET_COLUMNS[name].null
    ]


def _problem() -> JsonSchema:
    location = {
        "pointer": "JSON pointer into the body, as a URI fragment: `#/subject`.",
        "parameter": "Name of a query parameter.",
        "header": "Name of a request header.",
    }
    error = _object(
        {"detail": {"type": "string"}, "code": {"type": "string"}}
        | {name: {"type": "string", "description": text} for name, text in location.items()},
        required=("detail", "code"),
    )
    properties = {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The phrase of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "The failure, for programs."},
        "request_id": {
            "type": "string",
            "description": "The `X-Request-Id`. Missing if the request could not be parsed.",
        },
        "detail": {"type": "string", "description": "The failure and what to do, for people."},
        "instance": {"type": "string", "description": "The path of the request."},
        "errors": {
            "type": "array",
            "description": "The invalid parts of the request.",
            "items": error,
        },
        "current": {
            "description": "The current ticket, in a conflict.",
            "$ref": "#/components/schemas/Ticket",
        },
        "retryable": {
            "type": "boolean",
            "description": "Whether the delivery is retried in the background.",
        },
        "ticket_id": {"type": "string"},
        "ops_state": _enum(OpsState),
        "delivery": _reference("Delivery"),
        "log_entry": {"anyOf": [_reference("LogEntry"), {"type": "null"}]},
        "reference": {"type": "string", "description": "OPS's id for the ticket."},
        "checked_at": _DATE_TIME,
    }
    return {
        "type": "object",
        "description": "A problem document (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": properties,
    }


def _row(model: type[Model], names: Iterable[str]) -> JsonSchema:
    """Return the schema of a serialized row."""
    descriptions = _descriptions(model)
    columns = columns_of(model)
    return _object({name: _column(columns[name]) | descriptions[name] for name in names})


def _ticket_input(*, with_id: bool, required: Iterable[str]) -> JsonSchema:
    """Return the schema of a ticket in a request body."""
    descriptions = _descriptions(Ticket)
    properties: JsonSchema = {}
    for name, field in TICKET_FIELDS.items():
        column = _column(TICKET_COLUMNS[name])
        if name in READ_ONLY_FIELDS:
            properties[name] = {"description": "Ignored: this field is read-only."}
            continue
        if name == "id" and not with_id:
            properties[name] = column | {"description": "Must be the id in the path."}
            continue
        if "maxLength" in column and not field.may_be_blank:
            column["minLength"] = 1
        if field.is_email:
            column["format"] = "email"
        if name == "id":
            column["not"] = {"enum": [".", ".."]}
        properties[name] = column | descriptions[name]
    if not with_id:
        text = "A JSON merge patch (RFC 7396) of `metadata`. Cannot be combined with `metadata`."
        properties["metadata_patch"] = {"description": text}
    return _object(properties, required=required) | {"additionalProperties": False}


def _column(column: Field[Any]) -> JsonSchema:
    schema: JsonSchema
    if (enum := enum_of(column)) is not None:
        schema = _enum(enum)
    elif isinstance(column, JSONField):
        # Any JSON value, null included.
        return {}
    elif isinstance(column, DatetimeField):
        schema = dict(_DATE_TIME)
    elif isinstance(column, IntegerColumn):
        schema = {"type": "integer", "minimum": column.minimum, "maximum": column.maximum}
    elif isinstance(column, BooleanField):
        schema = {"type": "boolean"}
    elif isinstance(column, IntField):
        schema = {"type": "integer"}
    elif isinstance(column, TextColumn):
        schema = {"type": "string", "maxLength": column.max_length}
    else:
        raise TypeError(f"add the JSON Schema of {type(column).__name__}")
    if column.null:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _descriptions(model: type[Model]) -> dict[str, JsonSchema]:
    """Return the descriptions of the columns, taken from the GraphQL fields."""
    graphql_type = assert_object_type(graphql_schema().type_map[model.__name__])
    descriptions = {
        name: graphql_type.fields[graphql_name(name)].description
        for name in columns_of(model)
        if graphql_name(name) in graphql_type.fields
    }
    return {
        name: {"description": plain_description(description)} if description else {}
        for name, description in descriptions.items()
    }


def _object(properties: JsonSchema, *, required: Iterable[str] | None = None) -> JsonSchema:
    names = properties if required is None else required
    return {"type": "object", "required": list(names), "properties": properties}


def _enum(enum: type[StrEnum]) -> JsonSchema:
    return {"type": "string", "enum": [member.value for member in enum]}


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
