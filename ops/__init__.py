"""Everything between us and OPS, the external operations system.

A delivery is a row of the outbox, made in the transaction of who orders it. An
attempt claims the row under a lease, calls OPS outside any transaction with the
row's id as idempotency key, and records its outcome in one transaction that
holds only while the claim does (the fence). So a crash at any point costs at
most a repeated call with the same key, and nothing that was accepted is lost.
"""

from ops.clients.circuit_breaker import BreakerSettings, CircuitState
from ops.clients.protocol import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport
from ops.delivery.claims import DUE
from ops.delivery.deliveries import Attempt, Check, Deliveries
from ops.delivery.errors import DeliveryNotFound, DeliveryStateError, NotSent
from ops.delivery.policy import OpsPolicy
from ops.delivery.worker import DeliveryWorker, delivering
from ops.simulator import Simulator, SimulatorSettings

__all__ = [
    "DUE",
    "Accepted",
    "Attempt",
    "BreakerSettings",
    "Check",
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
    "StatusReport",
    "delivering",
]
