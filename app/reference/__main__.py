"""`python -m app.reference export|check`: write the generated pages, or compare them."""

import argparse
import sys
from pathlib import Path

from app.reference.pages import generated_pages

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
REGENERATE = "python -m app.reference export"


def main() -> int:
    """Write or compare the pages; return 1 if a committed page is out of date."""
    parser = argparse.ArgumentParser(prog="python -m app.reference")
    parser.add_argument(
        "action",
        choices=["export", "check"],
        help="export: write the pages; check: exit with status 1 if a page is out of date",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=REFERENCE,
        metavar="FOLDER",
        help="folder of the pages (default: docs/reference)",
    )
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.action == "export":
        export(folder)
        return 0
    outdated = outdated_pages(folder)
    for name in outdated:
        print(f"{folder / name} is out of date. Run: {REGENERATE}", file=sys.stderr)  # noqa: T201  # a command
    return 1 if outdated else 0


def export(folder: Path) -> None:
    """Write the pages to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in generated_pages():
        (folder / name).write_text(text, encoding="utf-8")


def outdated_pages(folder: Path) -> list[str]:
    """Return the names of the pages that are missing from a folder or differ."""
    return [
        name
        for name, text in generated_pages()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    sys.exit(main())
