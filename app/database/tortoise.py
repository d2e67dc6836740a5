"""The database of the application: what Tortoise and aerich are told of it."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tortoise.context import TortoiseContext

from app.config.settings import Settings
from app.config.sources import DOTENV
from engine.streaming.notifications import Notifier

APP = "models"
DEFAULT_POOL_SIZE = 10


def tortoise_config(
    url: str, *, pool_size: int = DEFAULT_POOL_SIZE, statement_timeout_ms: int | None = None
) -> dict[str, Any]:
    """Return Tortoise's configuration for a database."""
    return {
        "connections": {
            "default": {
                "engine": "engine.database.client",
                "credentials": {
                    "dsn": url,
                    "statement_timeout_ms": statement_timeout_ms,
                    "minsize": 1,
                    "maxsize": pool_size,
                },
            }
        },
        "apps": {APP: {"models": ["models", "aerich.models"], "default_connection": "default"}},
    }


@asynccontextmanager
async def database(
    url: str, *, pool_size: int = DEFAULT_POOL_SIZE, statement_timeout_ms: int | None = None
) -> AsyncIterator[None]:
    """Make a database that of the models, in every task of this process; one at a time."""
    context = TortoiseContext()
    # Tortoise asks for the context of the task while it makes this one.
    with context:
        await context.init(
            config=tortoise_config(
                url, pool_size=pool_size, statement_timeout_ms=statement_timeout_ms
            ),
            # Else only the task that runs this would find the models' connection.
            _enable_global_fallback=True,
        )
    try:
        yield
    finally:
        await context.close_connections()


def notifier(settings: Settings, database_url: str, *, topics: Sequence[str]) -> Notifier:
    """Return the bell of a process, by DATABASE_LISTEN_URL where that is set."""
    url = settings.database_listen_url
    return Notifier(url or database_url, topics=topics, keeps_session=url is not None)


def __getattr__(name: str) -> Any:
    """Resolve TORTOISE_ORM, which aerich.ini names, when aerich asks for it and not before."""
    if name != "TORTOISE_ORM":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return tortoise_config(_url_of_environment())


def _url_of_environment() -> str:
    settings = Settings.load(os.environ, dotenv=DOTENV)
    if settings.database_url is not None:
        return settings.database_url
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415  # wanted only where it is to run

    return EmbeddedPostgres(settings.data_dir).start()
