"""Fault settings of the served simulator, which can be changed while it runs."""

from dataclasses import dataclass, fields, replace

from ops.simulator.simulator import SimulatorSettings

__all__ = ["FaultSettings"]


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """Latency and faults of the served simulator; rates are shares of the calls, from 0 to 1."""

    latency_ms: int = 50
    failure_rate: float = 0.0
    reject_rate: float = 0.0
    seed: int = 0
    # Every call gets a 503.
    is_down: bool = False
    too_many_rate: float = 0.0
    retry_after_s: int = 1
    # The call gets no response.
    hang_rate: float = 0.0
    # The connection is dropped: in half of the cases before OPS accepts the ticket, else after.
    reset_rate: float = 0.0
    # OPS accepts the ticket, and responds with a malformed body.
    garbage_rate: float = 0.0

    @property
    def simulator(self) -> SimulatorSettings:
        """The settings of the simulator itself."""
        return SimulatorSettings(self.latency_ms, self.failure_rate, self.reject_rate, self.seed)

    def updated(self, changes: object) -> "FaultSettings":
        """Return a copy with these settings changed. Raise ValueError for an invalid one."""
        if not isinstance(changes, dict):
            raise ValueError("the settings must be a JSON object")  # noqa: TRY004  # invalid input
        types = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in changes.items():
            expected = types.get(name)
            if expected is None:
                raise ValueError(f"unknown setting {name}: use one of {', '.join(types)}")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_valid = {bool: isinstance(value, bool), float: is_number, int: type(value) is int}
            if not is_valid[expected] or (name.endswith("_rate") and not 0 <= value <= 1):
                raise ValueError(f"{name} cannot be {value!r}")
        return replace(self, **changes)
