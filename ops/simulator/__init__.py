"""The simulated OPS: a pure function, and that function behind the protocol of the real one.

`Simulator` is used inside the server where there is no OPS_URL. `server` and
`process` serve it over HTTP, with knobs to break it in every way and a record of
the calls it got, so that the whole path can be run, and broken, on one machine.
"""

from ops.simulator.simulator import (
    Simulator,
    SimulatorSettings,
    chance,
    reference_of,
    remote_status,
)

__all__ = ["Simulator", "SimulatorSettings", "chance", "reference_of", "remote_status"]
