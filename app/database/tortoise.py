"""Connection of the models to a database, for this process and for aerich."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tortoise.context import TortoiseContext

from app.config.settings import Settings
from app.config.sources import DOTENV
from engine.streaming.notifications import Notifier

# The name by which aerich records the migrations.
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
                    "minsize": 0,
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
    """Connect the models to a database, in all tasks of this process; one database at a time."""
    context = TortoiseContext()
    # Tortoise requires that the context is current while it is initialized.
    with context:
        await context.init(
            config=tortoise_config(
                url, pool_size=pool_size, statement_timeout_ms=statement_timeout_ms
            ),
            # Without it, the connection is visible only in the task that runs this function.
            _enable_global_fallback=True,
        )
    try:
        yield
    finally:
        await context.close_connections()


def notifier(settings: Settings, database_url: str, *, topics: Sequence[str]) -> Notifier:
    """Return the notifier of a process, which listens at DATABASE_LISTEN_URL if that is set."""
    url = settings.database_listen_url
    return Notifier(url or database_url, topics=topics, keeps_session=url is not None)


def __getattr__(name: str) -> Any:
    """Return TORTOISE_ORM, which aerich.ini refers to.

    It is computed on access, so that importing this module does not read the environment or
    start an embedded database.
    """
    if name != "TORTOISE_ORM":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return tortoise_config(_url_from_environment())


def _url_from_environment() -> str:
    settings = Settings.load(os.environ, dotenv=DOTENV)
    if settings.database_url is not None:
        return settings.database_url
    # Imported only if needed: it does not work on every platform.
    from app.database.embedded import EmbeddedPostgres  # noqa: PLC0415

    return EmbeddedPostgres(settings.data_dir).start()
