"""Redaction of OPS responses for the log: mask secrets, limit the size, keep them storable.

PostgreSQL's jsonb does not accept NUL characters, lone surrogates, NaN or infinity.
Every response must be loggable, so these are replaced.
"""

import json
import math
import re

from ops.clients.protocol import Json

__all__ = ["MASK", "MAX_RESPONSE_BYTES", "loggable", "masked_text"]

MASK = "***"
MAX_RESPONSE_BYTES = 65_536
MAX_DEPTH = 50

_SECRET_NAME = re.compile(
    r"authori[sz]ation|cookie|token|passw(or)?d|passphrase|secret|credential|session"
    r"|api[-_ ]?key|private[-_ ]?key|access[-_ ]?key|signature|jwt|bearer",
    re.IGNORECASE,
)
# Scheme and credentials (RFC 9110, section 11.4); a secret's name with its value in running
# text; the user information of a URL (RFC 3986, section 3.2.1); a JWT.
# Every repetition that is followed by something else is bounded, so that matching takes
# linear time for any input.
_SECRETS_IN_TEXT = (
    (
        re.compile(r"\b(bearer|basic|digest|negotiate)\s{1,9}[^\s\"',;<>]+", re.IGNORECASE),
        rf"\1 {MASK}",
    ),
    (
        re.compile(
            r"((?:token|passw(?:or)?d|secret|api[-_]?key|cookie|authorization)[\w-]{0,40}"
            r"[\"']?\s{0,9}[:=]\s{0,9}[\"']?)(?!(?:bearer|basic|digest|negotiate)\s)"
            r"[^\s\"',;&<>]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://)[^\s/@]{1,400}@"), rf"\1{MASK}@"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
)
MAX_INTEGER_BITS = 256
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def loggable(value: Json) -> str:
    """Return a JSON value as text for the log; a value over 64 KiB is truncated, with a mark."""
    text = json.dumps(_cleaned(value, MAX_DEPTH), ensure_ascii=False, separators=(",", ":"))
    size_bytes = len(text.encode())
    if size_bytes <= MAX_RESPONSE_BYTES:
        return text
    # Escaping can make the beginning longer than the limit: halve it until the note fits.
    beginning = text[:MAX_RESPONSE_BYTES]
    while True:
        note = {
            "truncated": True,
            "sizeBytes": size_bytes,
            "limitBytes": MAX_RESPONSE_BYTES,
            "beginning": beginning,
        }
        text = json.dumps(note, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) <= MAX_RESPONSE_BYTES:
            return text
        beginning = beginning[: len(beginning) // 2]


def masked_text(text: str) -> str:
    """Return a storable text, with secrets that are recognizable by their form masked."""
    text = _NOT_STORABLE.sub(_REPLACEMENT, text)
    for pattern, replacement in _SECRETS_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _cleaned(value: Json, depth_left: int) -> Json:
    cleaned = value
    match value:
        case str():
            cleaned = masked_text(value)
        case float() if not math.isfinite(value):
            cleaned = str(value)
        case int() if value.bit_length() > MAX_INTEGER_BITS:
            cleaned = "(a number too large to be logged)"
        case dict() | list() if depth_left == 0:
            cleaned = "(nested too deeply to be logged)"
        case dict():
            cleaned = {
                masked_text(name): _cleaned_member(name, inner, depth_left - 1)
                for name, inner in value.items()
            }
        case list():
            cleaned = [_cleaned(inner, depth_left - 1) for inner in value]
    return cleaned


def _cleaned_member(name: str, value: Json, depth_left: int) -> Json:
    # A boolean or null reveals nothing: keep "has_token": true readable.
    if _SECRET_NAME.search(name) and value is not None and not isinstance(value, bool):
        return MASK
    return _cleaned(value, depth_left)
