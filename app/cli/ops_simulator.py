"""`ticketops ops-simulator`."""

import argparse
from typing import Any

DEFAULT_PORT = 4050


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ops-simulator",
        help="serve a simulated OPS, to be called by OPS_URL",
        description="Serve the simulated OPS over the protocol of a real one, on this machine "
        "alone. Its knobs can be turned while it runs (PATCH /simulator/knobs), and it keeps a "
        "record of its calls (GET /simulator/calls).",
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, metavar="PORT", help=f"{DEFAULT_PORT} by default"
    )
    parser.add_argument("--token", metavar="TOKEN", help="the bearer token that it asks for")
    parser.add_argument(
        "--knob",
        action="append",
        dest="knobs",
        default=[],
        metavar="NAME=VALUE",
        help="how it behaves, like failure_rate=0.2; GET /simulator/knobs shows all",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    import orjson

    from app.errors import CommandError
    from ops.simulator.fault_settings import FaultSettings
    from ops.simulator.process import serve_simulator
    from ops.simulator.server import SimulatorServer

    turned = {}
    for knob in given.knobs:
        name, _, value = knob.partition("=")
        try:
            turned[name] = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            message = f"The knob {knob} is not NAME=VALUE with a number, true or false."
            raise CommandError(message) from error
    try:
        fault_settings = FaultSettings().turned(turned)
    except ValueError as error:
        raise CommandError(f"The knobs cannot be turned: {error}.") from error
    print(f"OPS_URL=http://127.0.0.1:{given.port}", flush=True)
    simulator = SimulatorServer(fault_settings, token=given.token)
    serve_simulator(simulator, host="127.0.0.1", port=given.port).run()
    return 0
