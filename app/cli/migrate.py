"""`ticketops migrate`."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.config.settings import Settings
from app.errors import CommandError

if TYPE_CHECKING:
    from app.database.migration_check import MigrationCheck

# As for the commands of other tools that check for migrations.
EXIT_PENDING = 1


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
        help="report what the migration would do, which running servers continue and what waits"
        " for it, or why it would be refused; change nothing. Exit with status 1 if migrations are"
        " pending. The tables of the former service are locked meanwhile, others are not",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report of --check as a JSON object"
    )
    add_flags(parser, *DATABASE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Migrate the database, and print what was applied."""
    if arguments.json and not arguments.check:
        raise CommandError("--json needs --check.", hint="Run: ticketops migrate --check --json")
    settings = load_settings(arguments)
    if arguments.check:
        return _check(settings, as_json=arguments.json)
    from app.database.ready import ready_database

    with ready_database(settings, report_change=_print_change) as database:
        print(database.report)
    return 0


def _check(settings: Settings, *, as_json: bool) -> int:
    """Print what a migration would do, and return the exit status."""
    import asyncio

    from app.database.migration_check import check_migration
    from app.database.ready import available_database

    changes: list[str] = []
    report_change = changes.append if as_json else _print_change
    with available_database(settings) as url:
        check = asyncio.run(check_migration(url, report_change=report_change))
    if as_json:
        import orjson

        print(orjson.dumps(_as_json(check, changes), option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(_lines(check)))
    return EXIT_PENDING if check.pending else 0


def _as_json(check: "MigrationCheck", changes: Sequence[str]) -> dict[str, Any]:
    from app.database.applied import EXPECTED_VERSION

    return {
        "schema_version": check.state.version,
        "program_version": EXPECTED_VERSION,
        "rolling_upgrade": check.allows_rolling_upgrade,
        "rolling_back": check.allows_rolling_back,
        "pending": [
            {
                "version": migration.version,
                "oldest_code": migration.oldest_code,
                "locks": [asdict(lock) for lock in migration.description.locks],
                "note": migration.description.note,
            }
            for migration in check.pending
        ],
        "adoption_changes": changes,
    }


def _lines(check: "MigrationCheck") -> Iterator[str]:
    from app.database.applied import EXPECTED_VERSION

    if check.state.newer is not None:
        yield (
            f"The database is at {check.state.newer}, newer than this program"
            f" ({EXPECTED_VERSION}), which runs with it: nothing to do."
        )
        return
    if not check.pending:
        yield "The database is up to date: nothing to do."
        return
    current = check.state.known
    for migration in check.pending:
        yield f"Would apply {migration.version}"
        # Without a version, no server runs on the database.
        if current is not None:
            continues = "continue" if migration.runs_with(current) else "DO NOT continue"
            oldest = f" (only those from {migration.oldest_code} on)"
            yield f"  Servers at {current} {continues} to work{oldest * (continues != 'continue')}."
            for lock in migration.description.locks:
                yield f"  {lock.blocks.capitalize()} of {lock.table} wait for {lock.lasts}."
            if migration.description.note:
                yield f"  {migration.description.note}"
    if check.allows_rolling_back:
        yield "Servers can be replaced one at a time, and replaced back."
    elif check.allows_rolling_upgrade:
        yield (
            f"Servers can be replaced one at a time. Those at {current} do not start again after"
            " the migration."
        )
    elif current is not None:
        yield (
            f"Servers CANNOT be replaced one at a time: stop those at {current} before you migrate,"
            " or upgrade to a version between first."
        )
    yield "Nothing was changed."


def _print_change(change: str) -> None:
    print(f"Adoption changes {change}", flush=True)
