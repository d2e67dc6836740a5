"""`ticketops seed`."""

import argparse
import asyncio
import sys
import time
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.cli.progress import Progress
from app.config.setting_parsers import integer


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "seed",
        help="fill the database with demo tickets",
        description="Fill the database with demo tickets and all that happened to them. "
        "The same seed makes the same tickets; those that are there already are left alone.",
    )
    parser.add_argument(
        "--tickets",
        type=_number,
        default=1000,
        metavar="NUMBER",
        help="how many (1000 if not given)",
    )
    parser.add_argument(
        "--seed", type=_number, default=0, metavar="NUMBER", help="which ones (0 if not given)"
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Seed, and say what was added."""
    settings = load_settings(given)
    from app.database.ready import ready_database
    from app.seed import seed

    with ready_database(settings) as database, Progress("tickets", sys.stderr) as progress:
        began = time.monotonic()
        report = asyncio.run(
            seed(database.url, tickets=given.tickets, seed=given.seed, progress=progress.show)
        )
    there = f" {report.there_before} had been there before." if report.there_before else ""
    print(
        f"Added {report.tickets} tickets, {report.log_entries} log entries, "
        f"{report.deliveries} deliveries and {report.events} events "
        f"in {time.monotonic() - began:.1f} s.{there}"
    )
    return 0


def _number(text: str) -> int:
    try:
        return int(integer(0, 100_000_000)(text))
    except ValueError as allowed:
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None
