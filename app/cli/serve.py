"""`ticketops serve`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, LOG, add_flags, load_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="migrate the database and run the server",
        description="Migrate the database, and run the server until Ctrl-C or SIGTERM.",
    )
    add_flags(parser, "host", "port", *DATABASE, "workers", "ops_url", "auth", *LOG)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the server until it is stopped."""
    settings = load_settings(arguments)
    from app.processes.serve import serve

    serve(settings)
    return 0
