"""`ticketops settings`."""

import argparse
import os
from typing import Any

from app.cli.flags import load_settings
from app.config.settings import example, show


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "settings",
        help="list every setting with its value",
        description="List every setting with its value, secrets hidden, where the value "
        "comes from, and what it means.",
    )
    parser.add_argument(
        "--example", action="store_true", help="write a .env with every default instead"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Write the list."""
    if given.example:
        print(example(), end="")
        return 0
    rows = list(show(load_settings(given), os.environ))
    widths = [max(len(getattr(row, part)) for row in rows) for part in ("name", "value", "source")]
    for row in rows:
        cells = (row.name, row.value, row.source)
        padded = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"{padded}  {row.meaning}")
    return 0
