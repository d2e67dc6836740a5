"""`ticketops token create`, `list` and `revoke`."""

import argparse
import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from app.auth.revocation import REVOCATION_DELAY_S
from app.cli.flags import DATABASE, add_flags, load_settings
from app.config.setting_parsers import integer
from app.errors import CommandError

MAX_DAYS = 36_500


def add(commands: Any) -> None:
    """Add the commands."""
    parser = commands.add_parser(
        "token",
        help="create, list and revoke API tokens",
        description="Manage API tokens. Callers authenticate with Authorization: Bearer TOKEN.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    create = actions.add_parser(
        "create",
        help="create a token and print it",
        description="Create a token and print it. It cannot be printed again.",
    )
    create.add_argument(
        "name", metavar="NAME", help="name of the caller, shown in logs and in the history"
    )
    create.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        default=[],
        metavar="SCOPE",
        help="scope of the token: read, write, ops or admin; can be repeated",
    )
    create.add_argument(
        "--days",
        type=_days,
        metavar="DAYS",
        help="number of days until the token expires (default: it does not expire)",
    )
    add_flags(create, *DATABASE)
    create.set_defaults(run=_create)

    show = actions.add_parser(
        "list", help="list all tokens", description="List all tokens, without their secrets."
    )
    add_flags(show, *DATABASE)
    show.set_defaults(run=_list)

    revoke = actions.add_parser(
        "revoke",
        help="revoke a token",
        description=f"Revoke a token. Running servers stop accepting it within "
        f"{REVOCATION_DELAY_S:g} s.",
    )
    revoke.add_argument("name", metavar="NAME", help="name of the token")
    add_flags(revoke, *DATABASE)
    revoke.set_defaults(run=_revoke)


def _days(text: str) -> int:
    try:
        return int(integer(1, MAX_DAYS)(text))
    except ValueError as allowed:
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}") from None


def _create(arguments: argparse.Namespace) -> int:
    from app.auth.tokens import create_token, database_time

    async def create() -> str:
        days = arguments.days
        expires_at = None if days is None else await database_time() + timedelta(days=days)
        return await create_token(arguments.name, arguments.scopes, expires_at=expires_at)

    print(_run_with_database(arguments, create()))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    import orjson

    from app.auth.tokens import list_tokens

    rows = [("NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "REVOKED")]
    rows += [
        (
            token.name,
            ",".join(orjson.loads(token.scopes)),
            _format_time(token.created_at),
            _format_time(token.expires_at),
            _format_time(token.last_used_at),
            _format_time(token.revoked_at),
        )
        for token in _run_with_database(arguments, list_tokens())
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    from app.auth.tokens import revoke_token

    _run_with_database(arguments, revoke_token(arguments.name))
    return 0


def _format_time(time: datetime | None) -> str:
    return "-" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _run_with_database(arguments: argparse.Namespace, work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine with the models connected to the database; raises CommandError."""
    from app.auth.tokens import TokenError
    from app.database.ready import ready_database
    from app.database.tortoise import database

    async def run(url: str) -> Any:
        async with database(url, pool_size=1):
            return await work

    try:
        with ready_database(load_settings(arguments)) as ready:
            return asyncio.run(run(ready.url))
    except TokenError as error:
        raise CommandError(str(error)) from error
    finally:
        work.close()
