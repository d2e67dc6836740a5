"""Integration with OPS, the external operations system.

`clients` calls OPS, `simulator` imitates it, and `delivery` sends tickets to it. A request inserts
a row into the outbox table ``ops_deliveries``. Attempts are made under a lease, with the row's id
as idempotency key. Each outcome is recorded in one transaction, behind a fence. A crash at any
point causes at most a repeated call with the same key.

Start with `ops.delivery`; docs/explanation/outbox.md explains the design.
"""

from ops.clients.circuit_breaker import BreakerSettings, CircuitState
from ops.clients.protocol import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport
from ops.delivery.attempt_counts import ATTEMPT_DURATIONS, ATTEMPT_OUTCOMES, ATTEMPTS
from ops.delivery.claims import DELIVERIES_DUE
from ops.delivery.deliveries import Attempt, Deliveries
from ops.delivery.errors import ChangeIgnored, DeliveryNotFound, DeliveryStateError, NotSent
from ops.delivery.policy import OpsPolicy
from ops.delivery.status_check import StatusCheck
from ops.delivery.worker import DeliveryWorker, delivering
from ops.simulator import Simulator, SimulatorSettings

__all__ = [
    "ATTEMPTS",
    "ATTEMPT_DURATIONS",
    "ATTEMPT_OUTCOMES",
    "DELIVERIES_DUE",
    "Accepted",
    "Attempt",
    "BreakerSettings",
    "ChangeIgnored",
    "CircuitState",
    "Deliveries",
    "DeliveryNotFound",
    "DeliveryStateError",
    "DeliveryWorker",
    "FailureKind",
    "NotSent",
    "OpsClient",
    "OpsFailure",
    "OpsPolicy",
    "Simulator",
    "SimulatorSettings",
    "StatusCheck",
    "StatusReport",
    "delivering",
]
