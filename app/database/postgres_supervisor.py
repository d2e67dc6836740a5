"""Supervision of the embedded PostgreSQL: a server that died is started again.

Each process that serves or delivers supervises the server. They take turns under the lock for
starting it, so that one of them starts it and the others find it running. A server that was
shut down in order stays down, because an operator may be copying its folder.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from app.database.postmaster import Postmaster
from app.database.programs import Account, EmbeddedPostgresError
from app.errors import reason_of

__all__ = ["PostgresSupervisor"]

POLL_S = 0.2
# The longest pause between two attempts: while the disk is full, each of them fails.
RETRY_MAX_S = 2.0

_logger = logging.getLogger(__name__)


class PostgresSupervisor:
    """Background thread that starts a server again when it has died.

    ``locked`` holds the lock for starting and stopping the server.
    """

    def __init__(
        self,
        postmaster: Postmaster,
        account: Account | None,
        locked: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._postmaster = postmaster
        self._account = account
        self._locked = locked
        self._stop_event = threading.Event()
        # Messages logged since the server last ran; each reason is logged once per outage.
        self._logged: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Start the thread, which does not keep the process alive."""
        threading.Thread(target=self._run, name="postgres-supervisor", daemon=True).start()

    def stop(self) -> None:
        """End the thread. It starts no server after this call, unless it is doing so now."""
        self._stop_event.set()

    def _run(self) -> None:
        delay_s = POLL_S
        while not self._stop_event.wait(delay_s):
            if self._postmaster.is_running() or self._ensure_running():
                delay_s = POLL_S
                self._logged.clear()
            else:
                delay_s = min(2 * delay_s, RETRY_MAX_S)

    def _ensure_running(self) -> bool:
        """Start the server unless another process has, and return whether it runs."""
        started_at = time.monotonic()
        try:
            with self._locked():
                if self._stop_event.is_set() or self._postmaster.is_running():
                    return True
                if self._postmaster.was_shut_down():
                    self._log(logging.WARNING, "embedded PostgreSQL was shut down; not restarted")
                    return False
                self._log(logging.ERROR, "embedded PostgreSQL died; restarting it")
                self._postmaster.ensure_running(self._account)
        except (EmbeddedPostgresError, OSError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            self._log(logging.ERROR, "embedded PostgreSQL cannot be restarted yet", reason)
            return False
        fields = {"duration_s": round(time.monotonic() - started_at, 3)}
        _logger.warning("embedded PostgreSQL restarted", extra={"fields": fields})
        return True

    def _log(self, level: int, message: str, reason: str = "") -> None:
        if (message, reason) not in self._logged:
            self._logged.add((message, reason))
            fields = {"reason": reason} if reason else {}
            _logger.log(level, message, extra={"fields": fields})
