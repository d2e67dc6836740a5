"""Redaction of OPS responses for the log: mask secrets, limit the size, keep them storable.

PostgreSQL's jsonb does not accept NUL characters, lone surrogates, NaN or infinity.
Every response must be loggable, so these are replaced.

A response is cut to the size that is stored before secrets are searched for: OPS can respond with
1 MiB, and to search all of it would hold up the event loop for seconds.
"""

import json
import math
import re

import orjson

from ops.clients.protocol import Json

__all__ = ["MASK", "MAX_RESPONSE_BYTES", "cut", "is_large", "loggable", "masked_text"]

MASK = "***"
MAX_RESPONSE_BYTES = 65_536
# A cut response is logged together with the message and the kind of a failure.
_MAX_CUT_BYTES = MAX_RESPONSE_BYTES - 8_192
# To redact more takes more than a millisecond.
_LARGE_BYTES = 4_096
MAX_DEPTH = 50

_SECRET_NAME = re.compile(
    r"authori[sz]ation|cookie|token|passw(or)?d|passphrase|secret|credential|session"
    r"|api[-_ ]?key|private[-_ ]?key|access[-_ ]?key|signature|jwt|bearer",
    re.IGNORECASE,
)
# Scheme and credentials (RFC 9110, section 11.4); a secret's name with its value in running
# text; the user information of a URL (RFC 3986, section 3.2.1); a JWT. Each pattern is only
# searched for in a text that contains one of the words before it, in any case.
# Every repetition that is followed by something else is bounded, so that matching takes
# linear time for any input.
_SECRETS_IN_TEXT = (
    (
        ("bearer", "basic", "digest", "negotiate"),
        re.compile(r"\b(bearer|basic|digest|negotiate)\s{1,9}[^\s\"',;<>]+", re.IGNORECASE),
        rf"\1 {MASK}",
    ),
    (
        ("token", "passw", "secret", "api", "cookie", "authorization"),
        re.compile(
            r"((?:token|passw(?:or)?d|secret|api[-_]?key|cookie|authorization)[\w-]{0,40}"
            r"[\"']?\s{0,9}[:=]\s{0,9}[\"']?)(?!(?:bearer|basic|digest|negotiate)\s)"
            r"[^\s\"',;&<>]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (("://",), re.compile(r"(://)[^\s/@]{1,400}@"), rf"\1{MASK}@"),
    (("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
)
# Every match of _SECRET_NAME contains one of them, in any case.
_SECRET_STEMS = (
    *("authori", "cookie", "token", "passw", "passphrase", "secret", "credential", "session"),
    *("api", "private", "access", "signature", "jwt", "bearer"),
)
# A response that is not valid JSON, or was cut off, is searched as text. Its strings, each with the
# colon after it if it is the name of a member; and the other values. The quantifiers are
# possessive, so that matching takes linear time.
_JSON_STARTS = frozenset({"{", "["})
_STRING_IN_JSON = re.compile(r'"((?:[^"\\]|\\.)*+)"?+(\s*+:\s*+)?', re.DOTALL)
_SCALAR_IN_JSON = re.compile(r'"(?:[^"\\]|\\.)*+"?+|[^\s,\]}]*+', re.DOTALL)
_NOT_SECRET = frozenset({"", "true", "false", "null"})
# The shortest text that one of them matches is "://a@".
_MIN_SECRET_LENGTH = 5
# Dropped before a cut, back to a space: the word can be the beginning of a secret that is only
# recognizable as a whole, such as the user information of a URL.
MAX_CUT_WORD = 4_096
MAX_INTEGER_BITS = 256
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def loggable(value: Json) -> str:
    """Return a JSON value as text for the log; a value over 64 KiB is truncated and marked so."""
    redaction = _Redaction()
    text = _text(redaction.cleaned(value, MAX_DEPTH))
    size_bytes = len(text.encode())
    if redaction.is_cut:
        size_bytes = max(_size_bytes(value), MAX_RESPONSE_BYTES + 1)
    if size_bytes <= MAX_RESPONSE_BYTES:
        return text
    return _text(_note(text, size_bytes, max_bytes=MAX_RESPONSE_BYTES))


def cut(value: Json, *, size_bytes: int) -> Json:
    """Return a response of this size, or a redacted note with its beginning if it is too large.

    A response takes up to 1 MiB as text, and as a list or an object up to twenty times that, so it
    is not kept until the outcome of the attempt is logged.
    """
    if size_bytes <= MAX_RESPONSE_BYTES or not isinstance(value, (dict, list, str)):
        return value
    return _note(
        _text(_Redaction().cleaned(value, MAX_DEPTH)), size_bytes, max_bytes=_MAX_CUT_BYTES
    )


def is_large(value: Json) -> bool:
    """Return whether it takes long to redact a response."""
    return not 0 < _size_bytes(value) <= _LARGE_BYTES


def _note(text: str, size_bytes: int, *, max_bytes: int) -> dict[str, Json]:
    """Return the note for the log about a response of this size, with the beginning of its text."""
    beginning = text[:max_bytes]
    while True:
        note: dict[str, Json] = {
            "truncated": True,
            "sizeBytes": size_bytes,
            "limitBytes": MAX_RESPONSE_BYTES,
            "beginning": beginning,
        }
        # Escaping can make the beginning longer than the limit: halve it until the note fits.
        if len(_text(note).encode()) <= max_bytes:
            return note
        beginning = beginning[: len(beginning) // 2]


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def masked_text(text: str) -> str:
    """Return a storable text, with secrets that are recognizable by their form masked."""
    if not text.isprintable():
        text = _NOT_STORABLE.sub(_REPLACEMENT, text)
    if len(text) < _MIN_SECRET_LENGTH:
        return text
    folded = text.casefold()
    if text.lstrip()[:1] in _JSON_STARTS and any(stem in folded for stem in _SECRET_STEMS):
        text = _masked_members(text)
    for words, pattern, replacement in _SECRETS_IN_TEXT:
        if any(word in folded for word in words):
            text = pattern.sub(replacement, text)
    return text


def _masked_members(text: str) -> str:
    """Mask the values of members with the name of a secret in a JSON text, which may be cut off.

    If such a value is a list or an object, all that follows is masked too.
    """
    pieces = []
    end = 0
    for found in _STRING_IN_JSON.finditer(text):
        is_name = found[2] is not None
        if found.start() < end or not is_name or not _SECRET_NAME.search(found[1]):
            continue
        pieces.append(text[end : found.end()])
        if text[found.end() : found.end() + 1] in {"[", "{"}:
            return "".join([*pieces, f'"{MASK}"'])
        value = _SCALAR_IN_JSON.match(text, found.end())
        end = found.end() if value is None else value.end()
        kept = text[found.end() : end]
        pieces.append(kept if kept in _NOT_SECRET else f'"{MASK}"')
    return "".join([*pieces, text[end:]])


class _Redaction:
    """Redaction of one response, which ends where the response is longer than what is stored."""

    def __init__(self) -> None:
        # Characters of the response's text that can still be stored. Never less than the rest of
        # a text within the limit, so that such a text is not cut.
        self._left = MAX_RESPONSE_BYTES + 1
        self.is_cut = False

    def cleaned(self, value: Json, depth_left: int) -> Json:
        """Return a value without secrets, cut off at the limit."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (dict, list)):
            return self._container(value, depth_left)
        # At least a digit and a comma.
        self._left -= 2
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            return "(a number too large to be logged)"
        return value

    def _container(self, value: dict[str, Json] | list[Json], depth_left: int) -> Json:
        # Two brackets and a comma; but there is one value more than commas.
        self._left -= 2
        if depth_left == 0:
            return "(nested too deeply to be logged)"
        if isinstance(value, list):
            items: list[Json] = []
            for inner in value:
                if self._is_used_up():
                    break
                items.append(self.cleaned(inner, depth_left - 1))
            return items
        members: dict[str, Json] = {}
        for name, inner in value.items():
            if self._is_used_up():
                break
            members[self._text(name)] = self._member(name, inner, depth_left - 1)
        return members

    def _member(self, name: str, value: Json, depth_left: int) -> Json:
        # A boolean or null reveals nothing: keep "has_token": true readable.
        if value is None or isinstance(value, bool) or not _SECRET_NAME.search(name):
            return self.cleaned(value, depth_left)
        return MASK

    def _text(self, text: str) -> str:
        # With quotes and a comma or colon.
        self._left -= len(text) + 3
        if self._left >= 0:
            return masked_text(text)
        self.is_cut = True
        text = text[: max(len(text) + self._left, 0)]
        head, last = text[:-MAX_CUT_WORD], text[-MAX_CUT_WORD:]
        return masked_text(head + last.rpartition(" ")[0])

    def _is_used_up(self) -> bool:
        if self._left < 0:
            self.is_cut = True
        return self.is_cut


def _size_bytes(value: Json) -> int:
    """Return the size of a JSON value as text; 0 if orjson cannot write it."""
    try:
        return len(orjson.dumps(value))
    except orjson.JSONEncodeError:
        return 0
