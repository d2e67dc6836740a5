"""`ticketops backup`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.cli.progress import Progress


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "backup",
        help="write the database to a file",
        description="Write the database to a file, in the custom format of pg_dump, while servers "
        "and workers run. The file is complete or absent, and private.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="file to write; - is the standard output"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file, and print its size."""
    settings = load_settings(arguments)
    from app.database.backup import STANDARD_OUTPUT, backup
    from app.database.ready import available_database

    file: Path = arguments.file
    with (
        available_database(settings, allows_other_version=True) as url,
        Progress("bytes", sys.stderr) as progress,
    ):
        size = backup(url, file, overwrite=arguments.force, progress=progress.count)
    if file != STANDARD_OUTPUT:
        print(f"Wrote {file}, {size:,} bytes.")
    return 0
