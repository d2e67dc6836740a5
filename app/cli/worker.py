"""`ticketops worker`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, LOG, add_flags, load_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "worker",
        help="deliver tickets to OPS, for servers with DELIVERY_WORKER=false",
        description="Deliver tickets to OPS until Ctrl-C or SIGTERM. Any number of workers and "
        "servers can share one database.",
    )
    add_flags(parser, "host", "worker_port", *DATABASE, *LOG)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the worker until it is stopped."""
    settings = load_settings(arguments)
    from app.processes.worker import work

    work(settings)
    return 0
