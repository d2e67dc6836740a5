"""Delivery to OPS as the settings configure it, for the server and for the worker process."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app.config.errors import SettingError
from app.config.settings import Settings
from engine.database.shares import reserved
from engine.streaming.notifications import Notifier
from ops import (
    DELIVERIES_DUE,
    Deliveries,
    DeliveryWorker,
    OpsClient,
    OpsPolicy,
    Simulator,
    SimulatorSettings,
    delivering,
)
from ops.clients.http import HttpOps

__all__ = ["background_delivery", "check_ops_settings", "deliveries", "ops_client"]


def ops_client(settings: Settings) -> OpsClient:
    """Return a client of OPS_URL, or a simulated OPS if that is not set.

    Raises SettingError if the authorities of OPS_CA_FILE cannot be read.
    """
    if settings.ops_url is not None:
        timeout_s = settings.ops_timeout_ms / 1000
        return HttpOps(
            settings.ops_url,
            token=settings.ops_token,
            timeout_s=timeout_s,
            verify=_authorities(settings.ops_ca_file),
        )
    return Simulator(
        SimulatorSettings(
            latency_ms=settings.ops_sim_latency_ms,
            failure_rate=settings.ops_sim_failure_rate,
            reject_rate=settings.ops_sim_reject_rate,
            seed=settings.ops_sim_seed,
        )
    )


def check_ops_settings(settings: Settings) -> None:
    """Raise SettingError if OPS cannot be called with these settings.

    This happens before the server processes start, so that one message reports it.
    """
    _authorities(settings.ops_ca_file)


def _authorities(file: Path | None) -> ssl.SSLContext | bool:
    if file is None:
        return True
    try:
        # With an empty text, the authorities of the system would be trusted.
        return ssl.create_default_context(cadata=file.read_text("ascii") or "(empty)")
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(file, "it is not a list of certificates in PEM format") from error
    except OSError as error:
        raise _unusable(file, error.strerror or type(error).__name__) from error


def _unusable(file: Path, reason: str) -> SettingError:
    return SettingError(
        f"Cannot read OPS_CA_FILE {file}: {reason}.",
        hint="Set OPS_CA_FILE to the PEM file of the authority that signed OPS's certificate.",
    )


@asynccontextmanager
async def deliveries(settings: Settings) -> AsyncIterator[Deliveries]:
    """Yield the deliveries to OPS; on exit, wait until running attempts are recorded.

    Outcomes of all attempts, also those that a client requested, are recorded with reserved
    connections.
    """
    policy = OpsPolicy(
        timeout_ms=settings.ops_timeout_ms,
        max_attempts=settings.ops_max_attempts,
        retry_base_ms=settings.ops_retry_base_ms,
        retry_max_ms=settings.ops_retry_max_ms,
    )
    with reserved():
        opened = Deliveries(ops_client(settings), policy)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def background_delivery(opened: Deliveries, notifier: Notifier) -> AsyncIterator[None]:
    """Run a worker that makes the due attempts; on exit, wait for its running attempts."""
    worker = DeliveryWorker(opened.executor)
    unsubscribe = notifier.subscribe(worker.wake, DELIVERIES_DUE)
    try:
        async with AsyncExitStack() as running:
            with reserved():
                await running.enter_async_context(delivering(worker))
            yield
    finally:
        unsubscribe()
