"""`ticketops migrate`."""

import argparse
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.config.settings import Settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "migrate",
        help="migrate the database to the version of the program",
        description="Apply the pending migrations. Several processes can run it at once. "
        "`ticketops serve` and `ticketops worker` migrate the database when they start.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="report what the migration would change, or why it would be refused, and change"
        " nothing; the tables are locked meanwhile",
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Migrate the database, and print what was applied."""
    settings = load_settings(arguments)
    if arguments.check:
        _check(settings)
        return 0
    from app.database.ready import ready_database

    with ready_database(settings, report_change=_print_change) as database:
        print(database.report)
    return 0


def _check(settings: Settings) -> None:
    """Print what a migration would do."""
    import asyncio

    from app.database.migrations import check_migration
    from app.database.ready import available_database

    with available_database(settings) as url:
        pending = asyncio.run(check_migration(url, report_change=_print_change))
    for version in pending:
        print(f"Would apply {version}")
    print("Nothing was changed." if pending else "The database is up to date: nothing to do.")


def _print_change(change: str) -> None:
    print(f"Adoption changes {change}", flush=True)
