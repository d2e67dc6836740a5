"""`ticketops schema export` and `ticketops schema check`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from app.errors import CommandError

COMMITTED_SCHEMA = Path(__file__).parents[2] / "schema" / "schema.graphql"


def add(commands: Any) -> None:
    """Add the commands."""
    parser = commands.add_parser("schema", help="print the GraphQL schema, or check its changes")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    export = actions.add_parser(
        "export",
        help="print the schema, or write it to a file",
        description="Print the schema, or write it to FILE.",
    )
    export.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file to write")
    export.set_defaults(run=run_export)

    check = actions.add_parser(
        "check",
        help="list breaking changes since an earlier schema",
        description="List the breaking changes of the schema since the one in FILE. "
        "Exit with status 1 if there are any, if the committed schema.graphql is out of date, or "
        "if a deprecation lacks a removal date.",
    )
    check.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="earlier schema (default: the committed schema.graphql)",
    )
    check.set_defaults(run=run_check)


def run_export(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from schema.build import printed

    if arguments.file is None:
        print(printed(), end="")
    else:
        try:
            arguments.file.write_text(printed(), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"Cannot write {arguments.file}: {error.strerror}.") from error
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Compare the schemas; return 1 if a check fails."""
    from graphql import GraphQLError, build_schema, find_breaking_changes, find_dangerous_changes

    from schema.build import graphql_schema, printed
    from schema.deprecations import undated

    file = arguments.file or COMMITTED_SCHEMA
    text = _read(file)
    try:
        earlier = build_schema(text)
    except GraphQLError as error:
        raise CommandError(f"{file} is not a GraphQL schema: {error.message}") from error
    except TypeError as error:
        # Valid syntax, but an invalid schema; the message has one line per error.
        raise CommandError(
            f"{file} is not a GraphQL schema: {str(error).splitlines()[0]}"
        ) from error
    breaking = find_breaking_changes(earlier, graphql_schema())
    for change in breaking:
        print(f"breaking: {change.description}")
    for risk in find_dangerous_changes(earlier, graphql_schema()):
        print(f"dangerous: {risk.description}")
    print(f"{len(breaking)} breaking changes against {_relative(file)}.")
    is_out_of_date = COMMITTED_SCHEMA.exists() and _read(COMMITTED_SCHEMA) != printed()
    if is_out_of_date:
        committed = _relative(COMMITTED_SCHEMA)
        print(
            f"{committed} is out of date. Run: ticketops schema export {committed}",
            file=sys.stderr,
        )
    without_date = undated(graphql_schema())
    for name in without_date:
        print(
            f"{name} is deprecated without a removal date. "
            f"Add a date like 2027-01-31 to the reason."
        )
    return 1 if breaking or is_out_of_date or without_date else 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"Cannot read {file}: it is not UTF-8 text.") from error


def _relative(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
