"""Helpers for URLs and host names."""

import ipaddress
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

__all__ = ["HIDDEN", "is_loopback", "url_host", "without_password"]

# Shown in place of a password or another secret.
HIDDEN = "********"


def without_password(url: str) -> str:
    """Return a URL with its passwords replaced by asterisks; other text is returned unchanged."""
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    credentials, at, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    if not password and "pass" not in parts.query.lower():
        return url
    if password:
        credentials = f"{user}:{HIDDEN}"
    query = [
        (key, HIDDEN if "pass" in key.lower() else value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    parts = parts._replace(netloc=f"{credentials}{at}{host}", query=urlencode(query, safe="/*:,"))
    return urlunsplit(parts)


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
