"""`ticketops settings`."""

import argparse
from typing import Any

from app.cli.flags import setting_sources, settings_of
from app.config.settings_list import env_example, list_settings


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "settings",
        help="list all settings with their values",
        description="List all settings with their value, without secrets, the source of the value "
        "and a description.",
    )
    parser.add_argument(
        "--example",
        action="store_true",
        help="print the text of .env.example, with the default of every setting, instead",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    if arguments.example:
        print(env_example(), end="")
        return 0
    # Read once: `.env` can be a pipe.
    sources = setting_sources(arguments)
    rows = list(list_settings(settings_of(sources), sources))
    columns = [(row.name, row.value, row.source) for row in rows]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    for row, cells in zip(rows, columns, strict=True):
        padded = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"{padded}  {row.description}")
    return 0
