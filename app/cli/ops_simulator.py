"""`ticketops ops-simulator`."""

import argparse
from typing import Any

from app.config.setting_parsers import integer
from app.config.url_parsers import bearer_token

DEFAULT_PORT = 4050


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ops-simulator",
        help="run a simulated OPS over HTTP, for OPS_URL",
        description="Run a simulated OPS over HTTP on 127.0.0.1, with the protocol of a real OPS. "
        "PATCH /simulator/faults changes its fault settings while it runs, and GET "
        "/simulator/calls returns a record of its calls.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="PORT",
        help=f"port to listen on; 0 selects a free port (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        type=_token,
        help="bearer token that requests must have (default: none)",
    )
    parser.add_argument(
        "--fault",
        # The former name of the option.
        "--knob",
        action="append",
        dest="faults",
        default=[],
        metavar="NAME=VALUE",
        help="fault setting, like failure_rate=0.2; can be repeated; GET /simulator/faults lists "
        "all names",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the simulator until Ctrl-C."""
    import orjson

    from app.errors import CommandError
    from app.server.listening import listen, url_of
    from ops.simulator.fault_settings import FaultSettings
    from ops.simulator.process import serve_simulator
    from ops.simulator.server import SimulatorServer

    faults = {}
    for fault in arguments.faults:
        name, _, value = fault.partition("=")
        try:
            faults[name] = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise CommandError(
                f"{fault} is not a fault setting.",
                hint="Use NAME=VALUE with a number, true or false, like failure_rate=0.2.",
            ) from error
    try:
        fault_settings = FaultSettings().updated(faults)
    except ValueError as error:
        raise CommandError(f"Invalid fault settings: {error}.") from error
    simulator = SimulatorServer(fault_settings, token=arguments.token)
    with listen("127.0.0.1", arguments.port) as listener:
        print(f"OPS_URL={url_of(listener, '127.0.0.1')}", flush=True)
        server = serve_simulator(simulator, host="127.0.0.1", port=arguments.port)
        server.run(sockets=[listener])
    return 0


def _port(text: str) -> int:
    try:
        return int(integer(0, 65_535)(text))
    except ValueError as allowed:
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None


def _token(text: str) -> str:
    try:
        return str(bearer_token(text))
    except ValueError as allowed:
        raise argparse.ArgumentTypeError(f"it must be {allowed}") from None
