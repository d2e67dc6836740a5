"""Validation of the fields of a ticket that clients write; reports all errors at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

from tortoise import fields

from engine.errors import delete_tracebacks
from models.columns import IntegerColumn, enum_of
from models.ticket import METADATA_MAX_BYTES, NEW_TICKET, TICKET_COLUMNS, TICKET_FIELDS
from resolvers.errors import ApiError, ApiErrors, ErrorCode, InvalidInput
from resolvers.json_values import new_json_text, too_many_bytes
from resolvers.normalization import normalized
from resolvers.text_validation import checked_id, checked_text

# Unknown fields that are reported, and characters of their names.
MAX_UNKNOWN_FIELDS = 10
MAX_NAME_LENGTH = 100

Fields: TypeAlias = Mapping[str, object]
Values: TypeAlias = dict[str, Any]

# The syntax that a browser's email field accepts (HTML Living Standard, 4.10.5.1.5), with
# letters of any script (RFC 6531).
_EMAIL = re.compile(
    r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}"
    r"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?)(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Rule for a field; ``check`` returns the value to store or raises InvalidInput."""

    check: Callable[[Any, str], Any]
    nullable: bool = False
    required: bool = False


def checked_for_create(values: Fields) -> Values:
    """Return the values of a new ticket, without the absent fields; raises ApiErrors."""
    errors: list[ApiError] = [
        InvalidInput(ErrorCode.REQUIRED, f"{name} is required.", name)
        for name in _REQUIRED
        if values.get(name) is None
    ]
    if errors:
        missing = {error.path[0] for error in errors}
        values = {name: value for name, value in values.items() if name not in missing}
    return _checked(_RULES_OF_CREATE, values, errors)


def checked_for_update(values: Fields) -> Values:
    """Return the values to change; raises ApiErrors."""
    errors: list[ApiError] = []
    if "metadata" in values and "metadata_patch" in values:
        message = "Send either metadata, which replaces the value, or metadata_patch, not both."
        errors.append(InvalidInput(ErrorCode.INVALID, message, "metadata_patch"))
    return _checked(_RULES_OF_UPDATE, values, errors)


def metadata_is_too_long(name: str) -> InvalidInput:
    """Return the error for a value that PostgreSQL would print with too many bytes."""
    return too_many_bytes(METADATA_MAX_BYTES, name)


def _checked(rules: Mapping[str, _Rule], values: Fields, errors: list[ApiError]) -> Values:
    """Return the checked values in the order of the rules, so that statements do not differ.

    Raises ApiErrors, whose errors are in the order of the values.
    """
    checked: Values = {}
    for name, value in values.items():
        if name not in rules:
            continue
        try:
            checked[name] = _checked_value(rules[name], value, name)
        except InvalidInput as error:
            delete_tracebacks(error)
            errors.append(error)
    if not values.keys() <= rules.keys():
        errors += _unknown_fields(rules, values)
    if errors:
        raise ApiErrors(errors)
    return {name: checked[name] for name in rules if name in checked}


def _unknown_fields(rules: Mapping[str, _Rule], values: Fields) -> list[ApiError]:
    """Return the errors of the first fields without a rule."""
    unknown = [name for name in values if name not in rules]
    names = [name[:MAX_NAME_LENGTH] for name in unknown[:MAX_UNKNOWN_FIELDS]]
    errors: list[ApiError] = [
        InvalidInput(ErrorCode.INVALID, f"Unknown field {name}. Remove it.", name) for name in names
    ]
    if len(unknown) > len(names):
        message = f"{len(unknown):,} fields are unknown. Remove them."
        errors.append(InvalidInput(ErrorCode.INVALID, message))
    return errors


def _checked_value(rule: _Rule, value: object, name: str) -> Any:
    if value is not None:
        return rule.check(value, name)
    if not rule.nullable:
        raise InvalidInput(ErrorCode.REQUIRED, f"{name} must not be null.", name)
    return None


def _text(value: object, name: str, *, max_length: int, may_be_blank: bool = False) -> str:
    if not isinstance(value, str):
        raise InvalidInput(ErrorCode.INVALID, f"{name} must be a string.", name)
    value = normalized(value)
    if len(value) > max_length:
        message = f"{name} must have at most {max_length} characters, not {len(value)}."
        raise InvalidInput(ErrorCode.TOO_LONG, message, name)
    if not may_be_blank and not value.strip():
        raise InvalidInput(ErrorCode.REQUIRED, f"{name} must not be empty.", name)
    return checked_text(value, name)


def _email(value: object, name: str, *, max_length: int) -> str:
    text = _text(value, name, max_length=max_length)
    if not _EMAIL.fullmatch(text):
        message = f"{name} must be an email address, like someone@example.com."
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


def _integer(value: object, name: str, *, minimum: int, maximum: int) -> int:
    # bool is a subclass of int.
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        message = f"{name} must be an integer from {minimum} to {maximum}."
        raise InvalidInput(ErrorCode.INVALID, message, name)
    return value


def _boolean(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(ErrorCode.INVALID, f"{name} must be true or false.", name)
    return value


def _json(value: object, name: str) -> str:
    return new_json_text(value, name, max_bytes=METADATA_MAX_BYTES)


def _id(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(ErrorCode.INVALID, f"{name} must be a string.", name)
    if value in _DOT_SEGMENTS:
        message = f'{name} must not be "." or "..", which clients remove from URLs. Choose another.'
        raise InvalidInput(ErrorCode.INVALID, message, name)
    return checked_id(value, name)


def _rule(name: str) -> _Rule:
    """Return the rule for a column, derived from its type; raises TypeError for another type."""
    column, field = TICKET_COLUMNS[name], TICKET_FIELDS[name]
    check: Callable[[Any, str], Any]
    if (enum := enum_of(column)) is not None:
        check = partial(_member, enum=enum)
    elif isinstance(column, fields.JSONField):
        check = _json
    elif isinstance(column, fields.CharField):
        check = (
            partial(_email, max_length=column.max_length)
            if field.is_email
            else partial(_text, max_length=column.max_length, may_be_blank=field.may_be_blank)
        )
    elif isinstance(column, IntegerColumn):
        check = partial(_integer, minimum=column.minimum, maximum=column.maximum)
    elif isinstance(column, fields.BooleanField):
        check = _boolean
    else:
        raise TypeError(f"column {name} has the type {type(column).__name__}: add its check")
    return _Rule(check, column.null, not column.null and column.default is None)


# Removed from paths by RFC 3986, section 5.2.4, even if encoded. Existing tickets can have them.
_DOT_SEGMENTS = frozenset({".", ".."})
_RULES = {name: _rule(name) for name in NEW_TICKET}
_REQUIRED = tuple(name for name, rule in _RULES.items() if rule.required)
_RULES_OF_CREATE = _RULES | {"id": _Rule(_id)}
_RULES_OF_UPDATE = _RULES | {"metadata_patch": _RULES["metadata"]}
