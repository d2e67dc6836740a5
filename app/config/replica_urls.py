"""The URLs of replicas, each of which names another server."""

from collections.abc import Hashable, Sequence

from app.config.errors import SettingError
from engine.database.dsn import parse_dsn, read_parameters

__all__ = ["refuse_replicas"]

DEFAULT_PORT = 5432


def refuse_replicas(urls: Sequence[str]) -> None:
    """Refuse a valid URL with several hosts, and two URLs of the same server and database."""
    numbers: dict[Hashable, int] = {}
    for number, url in enumerate(urls, start=1):
        hosts = parse_dsn(url).hosts
        if len(hosts) > 1:
            raise SettingError(
                f"DATABASE_REPLICA_URL cannot be used. One of its URLs has {len(hosts)} hosts.",
                hint="Give each replica a URL of its own, separated by commas.",
            )
        earlier = numbers.setdefault(_target_of(url), number)
        if earlier != number:
            server = str(hosts[0]) if hosts else "the default one"
            raise SettingError(
                f"DATABASE_REPLICA_URL cannot be used. Its URLs {earlier} and {number} name the"
                f" same server: {server}.",
                hint="Name each replica once.",
            )


def _target_of(url: str) -> Hashable:
    """Return the server, the database and the settings that a URL names, without the user."""
    target = parse_dsn(url)
    # Without a host, the default ones of the driver.
    server = None
    for host in target.hosts:
        name = host.name if host.is_socket else host.name.lower()
        server = name, DEFAULT_PORT if host.port is None else host.port
    return server, read_parameters(url).get("dbname"), tuple(sorted(target.settings.items()))
