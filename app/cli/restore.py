"""`ticketops restore`."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.cli.progress import Progress


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "restore",
        help="restore a backup into an empty database",
        description="Restore a file of `ticketops backup`, or of `pg_dump -Fc`, into a database "
        "without tables of ticketops, in one transaction. Then migrate it, if the file is from an "
        "older version, and collect statistics.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="file to restore; - is the standard input"
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Restore the file, and print how many rows it had."""
    settings = load_settings(arguments)
    from app.database.dump_file import readable_dump
    from app.database.ready import available_database
    from app.database.restore import restore

    started_at = time.monotonic()
    with (
        # Before a new DATA_DIR is created, on which a server would start without any data.
        readable_dump(arguments.file) as file,
        available_database(settings) as url,
        Progress("bytes", sys.stderr) as progress,
    ):
        report = restore(url, file, progress=progress.show)
    print(
        f"Restored {report.tickets} tickets, {report.events} events and {report.log_entries} log "
        f"entries in {time.monotonic() - started_at:.1f} s."
    )
    if report.migration.applied:
        print(report.migration)
    return 0
