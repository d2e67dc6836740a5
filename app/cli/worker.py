"""`ticketops worker`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, LOG, add_flags, load_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "worker",
        help="deliver to OPS, beside servers with DELIVERY_WORKER=false",
        description="Bring to OPS what is due, until told to stop; any number of workers "
        "and servers share one database.",
    )
    add_flags(parser, *DATABASE, *LOG)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Work until SIGINT or SIGTERM."""
    settings = load_settings(given)
    from app.processes.worker import work

    work(settings)
    return 0
