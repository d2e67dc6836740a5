"""`ticketops schema export` and `ticketops schema check`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from app.errors import CommandError

COMMITTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("schema", help="print the schema, or compare it with a file")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    export = actions.add_parser("export", help="print the schema, or write it to a file")
    export.add_argument("file", nargs="?", type=Path, metavar="FILE")
    export.set_defaults(run=run_export)

    check = actions.add_parser(
        "check",
        help="name each change that would break a client of the file's schema",
        description="Name each difference of the schema from the one in FILE that would break "
        "a client, and fail where there is one, where the committed print is out of date, or "
        "where something is deprecated without the date until which it stays.",
    )
    check.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the committed one if not given"
    )
    check.set_defaults(run=run_check)


def run_export(given: argparse.Namespace) -> int:
    """Write the schema."""
    from schema.build import printed

    if given.file is None:
        print(printed(), end="")
    else:
        try:
            given.file.write_text(printed(), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{given.file} cannot be written: {error.strerror}.") from error
    return 0


def run_check(given: argparse.Namespace) -> int:
    """Compare, and return 1 where a client would break or the committed print is stale."""
    from graphql import GraphQLError, build_schema, find_breaking_changes, find_dangerous_changes

    from schema.build import graphql_schema, printed
    from schema.deprecations import undated

    file = given.file or COMMITTED
    text = _read(file)
    try:
        former = build_schema(text)
    except GraphQLError as error:
        raise CommandError(f"{file} holds no schema: {error.message}") from error
    except TypeError as error:
        # It can be read, but does not make sense; one line a fault.
        raise CommandError(f"{file} holds no schema: {str(error).splitlines()[0]}") from error
    breaking = find_breaking_changes(former, graphql_schema())
    for change in breaking:
        print(f"breaking: {change.description}")
    for risk in find_dangerous_changes(former, graphql_schema()):
        print(f"dangerous: {risk.description}")
    print(f"{len(breaking)} breaking changes against {_named(file)}.")
    is_stale = COMMITTED.exists() and _read(COMMITTED) != printed()
    if is_stale:
        print(
            f"{_named(COMMITTED)} is out of date; write it anew by: "
            f"ticketops schema export {_named(COMMITTED)}",
            file=sys.stderr,
        )
    without_date = undated(graphql_schema())
    for place in without_date:
        print(f"{place} is deprecated without a date in its reason, like 2027-01-31.")
    return 1 if breaking or is_stale or without_date else 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.") from error


def _named(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
