"""`ticketops token create`, `list` and `revoke`."""

import argparse
import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from app.cli.flags import DATABASE, add_flags, load_settings
from app.errors import CommandError


def add(commands: Any) -> None:
    """Add the commands."""
    parser = commands.add_parser(
        "token",
        help="make, list and revoke API tokens",
        description="API tokens, by which callers show who they are: Authorization: Bearer TOKEN.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    create = actions.add_parser("create", help="make a token, and show it this once")
    create.add_argument(
        "name", metavar="NAME", help="who or what it is for; logs and history name it"
    )
    create.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        default=[],
        metavar="SCOPE",
        help="what it allows: read, write, ops or admin; may be given several times",
    )
    create.add_argument(
        "--days",
        type=_days,
        metavar="DAYS",
        help="after how many days it expires; never by default",
    )
    add_flags(create, *DATABASE)
    create.set_defaults(run=_create)

    show = actions.add_parser("list", help="list the tokens, without their secrets")
    add_flags(show, *DATABASE)
    show.set_defaults(run=_list)

    revoke = actions.add_parser("revoke", help="end a token, within a minute everywhere")
    revoke.add_argument("name", metavar="NAME", help="the token's name")
    add_flags(revoke, *DATABASE)
    revoke.set_defaults(run=_revoke)


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36_500:  # noqa: PLR2004  # a hundred years
        raise ValueError(text)
    return days


def _create(given: argparse.Namespace) -> int:
    from app.auth.tokens import create_token

    expires_at = None if given.days is None else datetime.now(UTC) + timedelta(days=given.days)
    print(_with_database(given, create_token(given.name, given.scopes, expires_at=expires_at)))
    return 0


def _list(given: argparse.Namespace) -> int:
    import orjson

    from app.auth.tokens import list_tokens

    rows = [("NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "REVOKED")]
    rows += [
        (
            token.name,
            ",".join(orjson.loads(token.scopes)),
            *map(_moment, (token.created_at, token.expires_at, token.last_used_at)),
            _moment(token.revoked_at),
        )
        for token in _with_database(given, list_tokens())
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return 0


def _revoke(given: argparse.Namespace) -> int:
    from app.auth.tokens import revoke_token

    _with_database(given, revoke_token(given.name))
    return 0


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _with_database(given: argparse.Namespace, work: Coroutine[Any, Any, Any]) -> Any:
    from app.auth.tokens import TokenError
    from app.database.ready import ready_database
    from app.database.tortoise import database

    async def run(url: str) -> Any:
        async with database(url, pool_size=1):
            return await work

    try:
        with ready_database(load_settings(given)) as ready:
            return asyncio.run(run(ready.url))
    except TokenError as trouble:
        raise CommandError(str(trouble)) from trouble
    finally:
        work.close()
