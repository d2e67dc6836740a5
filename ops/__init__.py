"""Everything between us and OPS, the external operations system.

A delivery is a row of the outbox, made in the transaction of who orders it. An
attempt claims the row under a lease, calls OPS outside any transaction with the
row's id as idempotency key, and records its outcome in one transaction that
holds only while the claim does (the fence). So a crash at any point costs at
most a repeated call with the same key, and nothing that was accepted is lost.
"""

from ops.breaker import BreakerSettings, CircuitState
from ops.claim import DUE
from ops.client import Accepted, FailureKind, OpsClient, OpsFailure, StatusReport
from ops.deliveries import Attempt, Check, Deliveries
from ops.policy import OpsPolicy
from ops.refusals import DeliveryNotFound, DeliveryStateError, NotSent
from ops.simulator import Simulator, SimulatorSettings
from ops.worker import DeliveryWorker, delivering

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
