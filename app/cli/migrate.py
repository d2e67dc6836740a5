"""`ticketops migrate`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "migrate",
        help="bring the database to the version of the program",
        description="Apply pending migrations, one process at a time; "
        "`ticketops serve` does it by itself.",
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Migrate, and say what was done."""
    settings = load_settings(given)
    from app.database.ready import ready_database

    with ready_database(settings) as database:
        print(database.report)
    return 0
