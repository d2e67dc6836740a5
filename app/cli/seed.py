"""`ticketops seed`."""

import argparse
import asyncio
import sys
import time
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.cli.progress import Progress
from app.config.setting_parsers import integer

DEFAULT_TICKETS = 1000


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "seed",
        help="add demo tickets to the database",
        description="Add demo tickets with their history and deliveries to the database. The same "
        "seed produces the same tickets; existing ones are not changed.",
    )
    parser.add_argument(
        "--tickets",
        type=_number,
        default=DEFAULT_TICKETS,
        metavar="NUMBER",
        help=f"number of tickets (default: {DEFAULT_TICKETS})",
    )
    parser.add_argument(
        "--seed",
        type=_number,
        default=0,
        metavar="NUMBER",
        help="seed of the random data; another seed produces other tickets (default: 0)",
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Add the tickets, and print how many were added."""
    settings = load_settings(arguments)
    from app.database.ready import ready_database
    from app.seed import seed

    with ready_database(settings) as database, Progress("tickets", sys.stderr) as progress:
        started_at = time.monotonic()
        report = asyncio.run(
            seed(
                database.url,
                tickets=arguments.tickets,
                seed=arguments.seed,
                progress=progress.show,
            )
        )
    existing = f" {report.existing} tickets existed already." if report.existing else ""
    print(
        f"Added {report.tickets} tickets, {report.log_entries} log entries, "
        f"{report.deliveries} deliveries and {report.events} events "
        f"in {time.monotonic() - started_at:.1f} s.{existing}"
    )
    return 0


def _number(text: str) -> int:
    try:
        return int(integer(0, 100_000_000)(text))
    except ValueError as allowed:
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None
