"""`ticketops ops-simulator`."""

import argparse
from typing import Any

DEFAULT_PORT = 4050


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ops-simulator",
        help="serve a simulated OPS for OPS_URL",
        description="Serve a simulated OPS on the loopback interface. It implements the OPS "
        "protocol. Change its faults while it runs with PATCH /simulator/faults, and read the "
        "record of its calls with GET /simulator/calls.",
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, metavar="PORT", help=f"{DEFAULT_PORT} by default"
    )
    parser.add_argument("--token", metavar="TOKEN", help="bearer token that callers must send")
    parser.add_argument(
        "--fault",
        # The former name of the option.
        "--knob",
        action="append",
        dest="faults",
        default=[],
        metavar="NAME=VALUE",
        help="set a fault, for example failure_rate=0.2; GET /simulator/faults lists all",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    import orjson

    from app.errors import CommandError
    from ops.simulator.fault_settings import FaultSettings
    from ops.simulator.process import serve_simulator
    from ops.simulator.server import SimulatorServer

    faults = {}
    for fault in given.faults:
        name, _, value = fault.partition("=")
        try:
            faults[name] = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            message = f"Invalid fault {fault}. Use NAME=VALUE with a number, true or false."
            raise CommandError(message) from error
    try:
        fault_settings = FaultSettings().updated(faults)
    except ValueError as error:
        raise CommandError(f"Invalid fault: {error}.") from error
    print(f"OPS_URL=http://127.0.0.1:{given.port}", flush=True)
    simulator = SimulatorServer(fault_settings, token=given.token)
    serve_simulator(simulator, host="127.0.0.1", port=given.port).run()
    return 0
