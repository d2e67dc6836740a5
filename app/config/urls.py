"""Helpers for URLs and host names."""

import ipaddress
from urllib.parse import quote

__all__ = ["HIDDEN", "has_user", "is_loopback", "url_host", "without_secrets"]

# Shown in place of a password or another secret.
HIDDEN = "********"
# Parameters of database URLs that are shown. Any other may hold a secret, such as `password`.
_HARMLESS = {
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
}


def without_secrets(url: str) -> str:
    """Return a URL for messages: its credentials and most parameters replaced by asterisks.

    The user of a database stays visible. Nothing but the scheme does if a password with a
    character such as # or / makes the parts of the URL doubtful.
    """
    scheme, separator, rest = url.partition("://")
    authority, path, query = _parts(rest)
    if not separator or "#" in rest or "@" in path + query:
        return f"{scheme}://{HIDDEN}" if separator else HIDDEN
    credentials, at, hosts = authority.rpartition("@")
    if credentials:
        user, colon, _ = credentials.partition(":")
        is_database = scheme.lower() in {"postgres", "postgresql"}
        credentials = (user + (colon and f":{HIDDEN}")) if is_database else HIDDEN
    return f"{scheme}://{credentials}{at}{hosts}{path}{_without_secret_parameters(query)}"


def has_user(url: str) -> bool:
    """Return whether a URL contains user information (RFC 3986, section 3.2.1)."""
    return "@" in _parts(url.partition("://")[2])[0]


def _parts(rest: str) -> tuple[str, str, str]:
    """Return the authority, the path and the query of what follows the scheme of a URL."""
    hierarchy, mark, query = rest.partition("?")
    authority, slash, path = hierarchy.partition("/")
    return authority, slash + path, mark + query


def _without_secret_parameters(query: str) -> str:
    shown = []
    for parameter in query.removeprefix("?").split("&"):
        name, equals, value = parameter.partition("=")
        shown.append(name + equals + (value if name.lower() in _HARMLESS or not value else HIDDEN))
    return query[:1] + "&".join(shown)


def is_loopback(host: str) -> bool:
    """Return whether a host to listen on is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """Return a host in the form of a URL: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{quote(host, safe=':')}]" if ":" in host else host
