"""Simulated OPS: a pure function, and an HTTP server that implements the OPS protocol with it.

`Simulator` replaces OPS inside the server if OPS_URL is not set. `server` and `process`
serve it over HTTP, with fault injection and a record of the calls it received, to test
the whole path to OPS and its failures on one machine.

Start with `simulator`, then `server`.
"""

from ops.simulator.simulator import (
    Simulator,
    SimulatorSettings,
    chance,
    reference_of,
    remote_status,
)

__all__ = ["Simulator", "SimulatorSettings", "chance", "reference_of", "remote_status"]
