"""The fields of a ticket that a caller may set: each with its rule, all errors at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from models import TicketPriority, TicketStatus
from models.ticket import (
    ASSIGNED_TO_MAX_LENGTH,
    CATEGORY_MAX_LENGTH,
    CUSTOMER_EMAIL_MAX_LENGTH,
    CUSTOMER_NAME_MAX_LENGTH,
    CUSTOMER_PHONE_MAX_LENGTH,
    DESCRIPTION_MAX_LENGTH,
    METADATA_MAX_BYTES,
    SUBJECT_MAX_LENGTH,
)
from resolvers.errors import ApiError, ApiErrors, ErrorCode, InvalidInput
from resolvers.json_values import json_text
from resolvers.text_validation import checked_id, checked_text

Fields: TypeAlias = Mapping[str, object]
Values: TypeAlias = dict[str, Any]

# What a browser's e-mail field accepts (HTML Living Standard, 4.10.5.1.5), with
# letters of any script (RFC 6531).
_EMAIL = re.compile(
    r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}"
    r"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?)(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a value is checked; ``check`` returns the value to store, or raises InvalidInput."""

    check: Callable[[Any, str], Any]
    nullable: bool = False
    required: bool = False


def checked_for_create(fields: Fields) -> Values:
    """Return the values of a new ticket, absent ones left out; raises ApiErrors."""
    errors: list[ApiError] = [
        InvalidInput(ErrorCode.REQUIRED, f"{name} is required.", name)
        for name in _REQUIRED
        if fields.get(name) is None
    ]
    if errors:
        missing = {error.path[0] for error in errors}
        fields = {name: value for name, value in fields.items() if name not in missing}
    return _checked(_RULES_OF_CREATE, fields, errors)


def checked_for_update(fields: Fields) -> Values:
    """Return the values to change; raises ApiErrors."""
    errors: list[ApiError] = []
    if "metadata" in fields and "metadata_patch" in fields:
        message = "Give either metadata, which replaces the value, or metadata_patch, not both."
        errors.append(InvalidInput(ErrorCode.INVALID, message, "metadata_patch"))
    return _checked(_RULES_OF_UPDATE, fields, errors)


def check_metadata_size(text: str, name: str) -> str:
    """Return the text of a metadata value; raises InvalidInput where it is too long."""
    if len(text.encode()) > METADATA_MAX_BYTES:
        raise metadata_is_too_long(name)
    return text


def metadata_is_too_long(name: str) -> InvalidInput:
    """Return the error of a value that PostgreSQL would write with too many bytes."""
    message = f"{name} must have at most {METADATA_MAX_BYTES} bytes as JSON text."
    return InvalidInput(ErrorCode.TOO_LONG, message, name)


def _checked(rules: Mapping[str, _Rule], fields: Fields, errors: list[ApiError]) -> Values:
    values: Values = {}
    for name, value in fields.items():
        try:
            values[name] = _checked_value(rules.get(name), value, name)
        except InvalidInput as error:
            errors.append(error)
    if errors:
        raise ApiErrors(errors)
    return values


def _checked_value(rule: _Rule | None, value: object, name: str) -> Any:
    if rule is None:
        raise InvalidInput(ErrorCode.INVALID, f"There is no field {name}.", name)
    if value is not None:
        return rule.check(value, name)
    if not rule.nullable:
        raise InvalidInput(ErrorCode.REQUIRED, f"{name} must not be null.", name)
    return None


def _text(value: object, name: str, *, max_length: int, may_be_blank: bool = False) -> str:
    if not isinstance(value, str):
        raise InvalidInput(ErrorCode.INVALID, f"{name} must be a string.", name)
    if len(value) > max_length:
        message = f"{name} must have at most {max_length} characters, not {len(value)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, name)
    if not may_be_blank and not value.strip():
        raise InvalidInput(ErrorCode.REQUIRED, f"{name} must not be empty.", name)
    return checked_text(value, name)


def _email(value: object, name: str) -> str:
    text = _text(value, name, max_length=CUSTOMER_EMAIL_MAX_LENGTH)
    if not _EMAIL.fullmatch(text):
        message = f"{name} must be an e-mail address, like someone@example.com."
        raise InvalidInput(ErrorCode.INVALID, message, name)
    return text


def _member(value: object, name: str, *, enum: type[StrEnum]) -> StrEnum:
    if isinstance(value, enum):
        return value
    if isinstance(value, str):
        try:
            return enum(value.lower())
        except ValueError:
            pass
    message = f"{name} must be one of {', '.join(enum)}."
    raise InvalidInput(ErrorCode.INVALID, message, name)


def _metadata(value: object, name: str) -> str:
    return check_metadata_size(json_text(value, name), name)


def _id(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(ErrorCode.INVALID, f"{name} must be a string.", name)
    return checked_id(value, name)


_RULES: dict[str, _Rule] = {
    "subject": _Rule(partial(_text, max_length=SUBJECT_MAX_LENGTH), required=True),
    "description": _Rule(
        partial(_text, max_length=DESCRIPTION_MAX_LENGTH, may_be_blank=True), required=True
    ),
    "status": _Rule(partial(_member, enum=TicketStatus)),
    "priority": _Rule(partial(_member, enum=TicketPriority)),
    "category": _Rule(partial(_text, max_length=CATEGORY_MAX_LENGTH)),
    "customer_name": _Rule(partial(_text, max_length=CUSTOMER_NAME_MAX_LENGTH), required=True),
    "customer_email": _Rule(_email, required=True),
    "customer_phone": _Rule(partial(_text, max_length=CUSTOMER_PHONE_MAX_LENGTH), nullable=True),
    "assigned_to": _Rule(partial(_text, max_length=ASSIGNED_TO_MAX_LENGTH), nullable=True),
    "metadata": _Rule(_metadata, nullable=True),
}
_REQUIRED = tuple(name for name, rule in _RULES.items() if rule.required)
_RULES_OF_CREATE = _RULES | {"id": _Rule(_id)}
_RULES_OF_UPDATE = _RULES | {"metadata_patch": _Rule(_metadata, nullable=True)}
