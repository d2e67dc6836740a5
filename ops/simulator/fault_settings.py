"""How the simulated OPS behaves over HTTP: what can be turned, also while it runs."""

from dataclasses import dataclass, fields, replace

from ops.simulator.simulator import SimulatorSettings

__all__ = ["FaultSettings"]


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """How the simulated OPS behaves; rates are shares of the calls, from 0 to 1."""

    latency_ms: int = 50
    failure_rate: float = 0.0
    reject_rate: float = 0.0
    seed: int = 0
    # Answers to none: every call is 503.
    is_down: bool = False
    too_many_rate: float = 0.0
    retry_after_s: int = 1
    # Never answers.
    hang_rate: float = 0.0
    # Drops the connection, by halves before and after it has accepted the ticket.
    reset_rate: float = 0.0
    # Answers nonsense, having accepted the ticket.
    garbage_rate: float = 0.0

    @property
    def simulator(self) -> SimulatorSettings:
        """The settings of the simulator within."""
        return SimulatorSettings(self.latency_ms, self.failure_rate, self.reject_rate, self.seed)

    def turned(self, given: object) -> "FaultSettings":
        """Return these with some turned, by name; raises ValueError where one does not fit."""
        if not isinstance(given, dict):
            raise ValueError("the knobs are a JSON object")  # noqa: TRY004  # what was given, not who
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in given.items():
            wanted = known.get(name)
            if wanted is None:
                raise ValueError(f"there is no knob {name}: there are {', '.join(known)}")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            fits = {bool: isinstance(value, bool), float: is_number, int: type(value) is int}
            if not fits[wanted] or (name.endswith("_rate") and not 0 <= value <= 1):
                raise ValueError(f"{name} cannot be {value!r}")
        return replace(self, **given)
