"""The URL of a database, read as libpq reads it (PostgreSQL, section 34.1.1.2).

Each parameter of libpq is used, or refused with a message that says what to do instead. Messages
quote no value, which can be a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlencode

from engine.database.dsn_parameters import (
    ACCEPTED_VALUES,
    PASSED_ON,
    REFUSED,
    REFUSED_PREFIXES,
    USED,
)
from engine.database.fixed_settings import FIXED_SETTINGS

__all__ = ["DsnError", "Host", "Keepalive", "Target", "parse_dsn", "read_parameters"]

_TARGETS = ("any", "primary", "read-write")
_READING_TARGETS = ("standby", "read-only", "prefer-standby")
_SETTING = re.compile(r"[A-Za-z_][\w.$]*")
# The switches of `options` that set a setting.
_SWITCH = re.compile(r"(?:^|\s)(?:-c\s*|--)([\w.$-]+)=((?:\\.|\S)*)")
_DEFAULT_NAME = "ticketops"
MAX_PORT = 65_535
KEEPALIVE_IDLE_S = 5
KEEPALIVE_INTERVAL_S = 3
KEEPALIVE_COUNT = 2
TCP_USER_TIMEOUT_MS = 10_000


class DsnError(ValueError):
    """The URL of a database cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host name, an address, or the folder of a Unix socket."""

    name: str
    # None for the default of asyncpg.
    port: int | None

    @property
    def is_socket(self) -> bool:
        """Whether it is the folder of a Unix socket."""
        return self.name.startswith("/")

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None or self.is_socket else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Keepalive:
    """TCP keepalive: a server that vanished is noticed after about ten seconds by default."""

    is_on: bool
    idle_s: int
    interval_s: int
    count: int
    user_timeout_ms: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to connect."""

    # What asyncpg uses: everything but the hosts.
    dsn: str
    # In the order in which they are tried; empty for the default of asyncpg.
    hosts: tuple[Host, ...]
    # Empty if asyncpg chooses the hosts and what they must be.
    session_attrs: str
    has_random_order: bool
    connect_timeout_s: float | None
    keepalive: Keepalive
    # The certificate authorities of the system instead of a file.
    trusts_system: bool
    # Settings of the session that the URL names.
    settings: dict[str, str]


@lru_cache(maxsize=16)
def parse_dsn(dsn: str) -> Target:
    """Return the target of a URL; raises DsnError."""
    parameters = read_parameters(dsn)
    hosts = _hosts(parameters.get("host", ""), parameters.get("port", ""))
    settings = _settings(parameters)
    trusts_system = parameters.get("sslrootcert") == "system"
    if trusts_system:
        del parameters["sslrootcert"]
        if parameters.get("sslmode", "verify-full") != "verify-full":
            raise DsnError("sslrootcert=system needs sslmode=verify-full.")
    connect_timeout_s = _whole_number(parameters, "connect_timeout", 0)
    passed_on = {name: value for name, value in parameters.items() if name in PASSED_ON}
    if not hosts and "port" in parameters:
        passed_on["port"] = parameters["port"]
    return Target(
        dsn=f"postgresql://?{urlencode(passed_on, quote_via=quote)}".rstrip("?"),
        hosts=hosts,
        session_attrs=_session_attrs(parameters.get("target_session_attrs"), hosts),
        has_random_order=_choice(parameters, "load_balance_hosts", "disable", "random"),
        connect_timeout_s=connect_timeout_s if connect_timeout_s > 0 else None,
        keepalive=_keepalive(parameters),
        trusts_system=trusts_system,
        settings=settings,
    )


def read_parameters(dsn: str) -> dict[str, str]:
    """Return all parameters of a URL by name, the hosts and the credentials among them.

    Raises DsnError.
    """
    scheme, separator, rest = dsn.partition("://")
    if not separator or scheme.lower() not in {"postgresql", "postgres"}:
        raise DsnError("The URL must begin with postgresql://.")
    found: dict[str, str] = {}
    # As in libpq, an @ before the first slash ends the credentials.
    if credentials := re.match(r"[^@/]*@", rest):
        rest = rest[credentials.end() :]
        user, _, password = credentials[0][:-1].partition(":")
        found |= {"user": user, "password": password}
    rest, _, query = rest.partition("?")
    found["host"], _, found["dbname"] = rest.partition("/")
    found = {name: _decoded(value) for name, value in found.items() if value}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        name, value = _decoded(name), _decoded(value)
        if not equals or not _SETTING.fullmatch(name):
            raise DsnError("The URL has a parameter without a name or without a value.")
        if name == "database":
            name = "dbname"
        elif (name, value) == ("ssl", "true"):
            name, value = "sslmode", "require"
        if name == "host" and name in found:
            raise DsnError("The URL names its hosts twice: before the path and as a parameter.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _decoded(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", text):
        raise DsnError("The URL has a % that is not the start of an encoded character (%25 is %).")
    return unquote(text)


def _hosts(names: str, ports: str) -> tuple[Host, ...]:
    """Return the hosts of comma-separated names and ports."""
    listed = [_port(port) for port in ports.split(",")] if ports else []
    if not names:
        return ()
    hosts = [_host(name) for name in names.split(",")]
    if listed:
        if len(listed) not in {1, len(hosts)}:
            raise DsnError(f"The URL has {len(listed)} ports for {len(hosts)} hosts.")
        listed *= len(hosts) // len(listed)
        hosts = [Host(host.name, port) for host, port in zip(hosts, listed, strict=True)]
    return tuple(hosts)


def _host(text: str) -> Host:
    if address := re.fullmatch(r"\[([^\]]+)\](?::(\d*))?|(/.*):(\d+)", text):
        host = Host(address[1] or address[3], _port(address[2] or address[4]))
    elif text.startswith("/") or text.count(":") > 1:
        host = Host(text, None)
    else:
        name, _, port = text.partition(":")
        host = Host(name, _port(port))
    if not host.name or "@" in text:
        raise DsnError("The URL has an empty or invalid host. Encode an @ of the password as %40.")
    return host


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PORT:
        raise DsnError(f"The URL has a port that is not a number from 1 to {MAX_PORT}.")
    return int(text)


def _settings(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that are settings of the session; refuse those that cannot be used."""
    settings = {}
    for name, value in parameters.items():
        if name in PASSED_ON or name in USED:
            continue
        if name in ACCEPTED_VALUES:
            accepted, reason = ACCEPTED_VALUES[name]
            if value not in accepted:
                raise DsnError(f"The URL cannot have this value of {name}: {reason}.")
            continue
        advice = REFUSED.get(name) or next(
            (text for prefix, text in REFUSED_PREFIXES.items() if name.startswith(prefix)), None
        )
        if advice is not None:
            raise DsnError(f"The URL cannot have the parameter {name}: {advice}.")
        _refuse_fixed(name, value)
        settings[name] = value
    if "options" in parameters:
        for name, value in _SWITCH.findall(parameters["options"]):
            _refuse_fixed(name.replace("-", "_"), value)
        settings["options"] = parameters["options"]
    encoding = parameters.get("client_encoding", "utf8").lower().replace("-", "")
    if encoding not in {"utf8", "unicode", "auto"}:
        raise DsnError("The URL cannot have another client_encoding than UTF8.")
    fallback = parameters.get("fallback_application_name", _DEFAULT_NAME)
    settings["application_name"] = parameters.get("application_name", fallback)
    return settings


def _refuse_fixed(name: str, value: str) -> None:
    fixed = FIXED_SETTINGS.get(name.lower())
    if fixed is not None and value.lower() != fixed.value.lower():
        raise DsnError(f"The URL cannot set {name}: {fixed.advice}.")


def _session_attrs(given: str | None, hosts: tuple[Host, ...]) -> str:
    if given is None:
        # Of several hosts, only one accepts changes.
        return "read-write" if len(hosts) > 1 else "any" if hosts else ""
    if given in _READING_TARGETS:
        raise DsnError(
            f"The URL cannot have target_session_attrs={given}: the service writes. Use read-write."
        )
    if given not in _TARGETS:
        raise DsnError(f"target_session_attrs must be one of {', '.join(_TARGETS)}.")
    return given


def _keepalive(parameters: Mapping[str, str]) -> Keepalive:
    # As in libpq, zero means the default; here that is not the system's, which takes hours.
    return Keepalive(
        is_on=_whole_number(parameters, "keepalives", 1) != 0,
        idle_s=_whole_number(parameters, "keepalives_idle", 0) or KEEPALIVE_IDLE_S,
        interval_s=_whole_number(parameters, "keepalives_interval", 0) or KEEPALIVE_INTERVAL_S,
        count=_whole_number(parameters, "keepalives_count", 0) or KEEPALIVE_COUNT,
        user_timeout_ms=_whole_number(parameters, "tcp_user_timeout", 0) or TCP_USER_TIMEOUT_MS,
    )


def _choice(parameters: Mapping[str, str], name: str, no: str, yes: str) -> bool:
    value = parameters.get(name, no)
    if value not in {no, yes}:
        raise DsnError(f"{name} must be {no} or {yes}.")
    return value == yes


def _whole_number(parameters: Mapping[str, str], name: str, default: int) -> int:
    value = parameters.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise DsnError(f"{name} must be a whole number.")
    return int(value)
