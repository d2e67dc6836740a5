"""Opening sessions of PostgreSQL: the only way in which this program connects.

Of several hosts, each is tried for its share of the time, since one that does not respond must not
use up the time for the others. One that failed a short time ago is tried last.
"""

import asyncio
import random
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any

import asyncpg

from engine.database.dsn import Host, Keepalive, Target, parse_dsn
from engine.database.errors import NoWritableHost
from engine.database.fixed_settings import TRACKED_SETTINGS
from engine.database.session import Session, apply_settings, look_up_state

__all__ = ["DEFAULT_TIMEOUT_S", "Connector", "connect"]

# A host that failed is tried last for this long.
AVOID_S = 10.0
DEFAULT_TIMEOUT_S = 10.0
# An error of one host after which the next one is tried, as in libpq.
_NEXT_HOST_ERRORS = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
)

# When a host failed last.
_failed_at: dict[Host, float] = {}


class Connector:
    """Opens the sessions of a pool.

    Behind a pooler, the settings of the sessions are those of the database and the role.
    """

    def __init__(
        self, dsn: str, *, has_pooler: bool, statement_timeout_ms: int | None, timeout_s: float
    ) -> None:
        self._has_pooler = has_pooler
        self._target = parse_dsn(dsn)
        self._statement_timeout_ms = statement_timeout_ms
        self._timeout_s = timeout_s

    async def connect(self, *_dsn: str, **options: Any) -> Session:
        """Open a session; asyncpg's pool calls this."""
        session = await _open_any(
            self._target,
            self._timeout_s,
            options | {"connection_class": Session},
            is_direct=not self._has_pooler,
        )
        try:
            if not self._has_pooler:
                await apply_settings(session, statement_timeout_ms=self._statement_timeout_ms)
        except BaseException:
            session.terminate()
            raise
        return session


async def connect(
    dsn: str,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    statement_timeout_ms: int | None = None,
    **options: Any,
) -> Session:
    """Open a session outside of a pool, which may go through a pooler or not.

    Raises DsnError, and what asyncpg raises.
    """
    # A connection pooler does not support prepared statements.
    options |= {"statement_cache_size": 0, "connection_class": Session}
    session = await _open_any(parse_dsn(dsn), timeout_s, options)
    try:
        if not session.state.has_pooler:
            await apply_settings(session, statement_timeout_ms=statement_timeout_ms)
    except BaseException:
        session.terminate()
        raise
    return session


async def _open_any(
    target: Target, timeout_s: float, options: dict[str, Any], *, is_direct: bool = False
) -> Session:
    """Open a session on the first host that admits one with the required attributes."""
    if not target.hosts:
        return await _open(target, None, timeout_s, options, is_direct=is_direct)
    hosts = _in_order(target)
    deadline = time.monotonic() + timeout_s
    errors: list[Exception] = []
    for index, host in enumerate(hosts):
        share_s = max(0.0, deadline - time.monotonic()) / (len(hosts) - index)
        try:
            session = await _open(target, host, share_s, options, is_direct=is_direct)
        except _NEXT_HOST_ERRORS as error:
            _failed_at[host] = time.monotonic()
            errors.append(error)
        else:
            _failed_at.pop(host, None)
            return session
    if len(hosts) == 1:
        raise errors[0]
    is_read_only = any(isinstance(error, NoWritableHost) for error in errors)
    failure = NoWritableHost if is_read_only else ConnectionError
    raise failure(
        "; ".join(f"{host}: {_reason(error)}" for host, error in zip(hosts, errors, strict=True))
    ) from errors[-1]


def _in_order(target: Target) -> Sequence[Host]:
    hosts = list(target.hosts)
    if target.has_random_order:
        random.shuffle(hosts)
    now = time.monotonic()
    # The sort is stable: the others stay in their order.
    return sorted(hosts, key=lambda host: now - _failed_at.get(host, -AVOID_S) < AVOID_S)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error).rstrip(".") or type(error).__name__


async def _open(
    target: Target,
    host: Host | None,
    timeout_s: float,
    options: dict[str, Any],
    *,
    is_direct: bool,
) -> Session:
    """Open a session on one host; raises NoWritableHost."""
    # Limited below, together with the check of the session.
    options = options | {"timeout": None}
    if target.session_attrs:
        # Checked below; also keeps asyncpg from using PGTARGETSESSIONATTRS.
        options["target_session_attrs"] = "any"
    if host is not None:
        options = options | {"host": host.name, "port": host.port}
        if host.is_socket:
            # As in libpq, whatever sslmode and PGSSLMODE say.
            options["ssl"] = False
    if target.trusts_system and "ssl" not in options:
        options = options | {"ssl": ssl.create_default_context()}
    if target.connect_timeout_s is not None:
        timeout_s = min(timeout_s, target.connect_timeout_s)
    async with asyncio.timeout(timeout_s):
        session: Session = await asyncpg.connect(
            target.dsn,
            server_settings=TRACKED_SETTINGS | target.settings,
            **options,
        )
        try:
            _keep_alive(session, target.keepalive)
            session.state = await look_up_state(session, is_direct=is_direct)
            _require(session, target.session_attrs)
        except BaseException:
            session.terminate()
            raise
    return session


def _require(session: Session, attributes: str) -> None:
    is_met = True
    if attributes == "read-write":
        is_met = not session.state.is_read_only
    elif attributes == "primary":
        is_met = not session.state.was_standby
    if not is_met:
        raise NoWritableHost(f"the session is not {attributes}")


def _keep_alive(session: Session, keepalive: Keepalive) -> None:
    """Notice a server that vanished without closing its connections."""
    connection: Any = session
    transport = connection._transport  # noqa: SLF001  # asyncpg has no option for it
    sock = transport.get_extra_info("socket")
    if not keepalive.is_on or sock is None or sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", keepalive.idle_s),
        ("TCP_KEEPINTVL", keepalive.interval_s),
        ("TCP_KEEPCNT", keepalive.count),
        ("TCP_USER_TIMEOUT", keepalive.user_timeout_ms),
    ):
        # Not every operating system has each of them.
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
