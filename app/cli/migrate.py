"""`ticketops migrate`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "migrate",
        help="migrate the database to the version of the program",
        description="Apply the pending migrations. Several processes can run it at once. "
        "`ticketops serve` and `ticketops worker` migrate the database when they start.",
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Migrate the database, and print what was applied."""
    settings = load_settings(arguments)
    from app.database.ready import ready_database

    with ready_database(settings) as database:
        print(database.report)
    return 0
