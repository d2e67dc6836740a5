"""The settings: read once from the environment, `.env` and flags into one frozen object.

This module is the one list of them: `ticketops settings`, `.env.example` and the
README are checked against it by a test. `setting.py` knows how one is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self

from app.config.setting_fields import (
    default_of,
    flag,
    is_loopback,
    meaning_of,
    name_of,
    one_of,
    origins,
    path,
    quoted,
    rate,
    secret_of,
    setting,
    share,
    shown,
    text,
    url,
    whole,
)
from app.errors import CommandError

DOTENV = Path(".env")
MINUTE_MS = 60_000
DAY_MS = 86_400_000

Auth = Literal["off", "required"]
LogFormat = Literal["auto", "pretty", "json"]


class SettingError(CommandError):
    """A setting has a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as anybody may see it."""

    name: str
    value: str
    source: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; each field is the environment variable of its name."""

    host: str = setting("127.0.0.1", text, "The address to listen on")
    port: int = setting(4040, whole(0, 65_535), "The port to listen on; 0 takes a free one")
    database_url: str | None = setting(
        None,
        url("postgresql", "postgres"),
        "The PostgreSQL to use, version 12 or newer",
        unset="without it an embedded server runs from DATA_DIR",
    )
    database_listen_url: str | None = setting(
        None,
        url("postgresql", "postgres"),
        "Another way to the same database, on which one can LISTEN, where DATABASE_URL leads "
        "to a pooler",
        unset="without it changes of other processes come up to a second late there",
    )
    data_dir: Path = setting(Path(".data"), path, "Where the embedded database lives")
    database_pool: int = setting(10, whole(1, 1000), "Database connections of a process, at most")
    workers: int = setting(1, whole(1, 256), "Server processes")
    delivery_worker: bool = setting(
        True,
        flag,
        "Deliver to OPS in the server process; false where `ticketops worker` does",
    )

    ops_url: str | None = setting(
        None, url("http", "https"), "The real OPS", unset="without it OPS is simulated"
    )
    ops_token: str | None = setting(None, text, "The bearer token that OPS asks for", secret=True)
    ops_timeout_ms: int = setting(2000, whole(1, MINUTE_MS), "How long one call of OPS may take")
    ops_max_attempts: int = setting(10, whole(1, 1000), "Attempts until a delivery has FAILED")
    ops_retry_base_ms: int = setting(
        500, whole(1, DAY_MS), "The longest wait before the second attempt; it doubles from then on"
    )
    ops_retry_max_ms: int = setting(300_000, whole(1, DAY_MS), "The longest wait between attempts")
    ops_sim_latency_ms: int = setting(
        50, whole(0, MINUTE_MS), "How long the simulated OPS takes to answer"
    )
    ops_sim_failure_rate: float = setting(
        0.0, share, "The share of calls that fail for now, from 0 to 1"
    )
    ops_sim_reject_rate: float = setting(
        0.0, share, "The share of tickets refused for good, from 0 to 1"
    )
    ops_sim_seed: int = setting(
        0, whole(-(2**31), 2**31 - 1), "The same seed fails and refuses the same calls"
    )

    auth: Auth = setting(
        "required",
        one_of("off", "required"),
        "Whether callers must show who they are: off or required",
        unset="off where HOST is a loopback address, else required",
    )
    jwt_secret: str | None = setting(
        None,
        secret_of(32),
        "The key of JWTs signed by HS256; at least 32 bytes",
        secret=True,
    )
    jwt_jwks_url: str | None = setting(
        None, url("https", "http"), "Where the keys of JWTs are, instead"
    )
    jwt_issuer: str | None = setting(None, text, "The issuer that JWTs must have")
    jwt_audience: str | None = setting(None, text, "The audience that JWTs must have")
    cors_origins: tuple[str, ...] = setting(
        (),
        origins,
        "Other origins whose pages may call, separated by commas",
    )

    graphiql: bool = setting(True, flag, "Serve GraphiQL to browsers")
    max_body_bytes: int = setting(
        1_048_576, whole(1024, 2**30), "The largest body of a request, in bytes"
    )
    max_tokens: int = setting(2000, whole(1, 1_000_000), "Tokens of a GraphQL document, at most")
    max_depth: int = setting(12, whole(1, 1000), "Depth of an operation, at most")
    max_cost: int = setting(10_000, whole(1, 2**31 - 1), "Cost of an operation, at most")
    max_aliases: int = setting(30, whole(0, 100_000), "Aliases in an operation, at most")
    max_directives: int = setting(10, whole(0, 100_000), "Directives in an operation, at most")
    request_timeout_ms: int = setting(
        10_000, whole(10, 10 * MINUTE_MS), "How long one operation may take, its SQL included"
    )
    rate_limit: str | None = setting(
        None, rate, "Requests that one caller may make, like 6000/minute", unset="no limit"
    )
    rate_limit_storage: str = setting(
        "memory://",
        url("memory", "redis", "rediss", "redis+sentinel", "valkey"),
        "Where they are counted: memory:// in each process, redis:// or valkey:// for all together",
    )
    max_connections: int = setting(
        2000,
        whole(1, 1_000_000),
        "WebSockets and event streams that one caller may have open, in each process",
    )
    max_subscriptions: int = setting(
        2000,
        whole(1, 1_000_000),
        "Subscriptions that one caller may have open, in each process",
    )
    documents: Path | None = setting(None, path, "A manifest of trusted documents: hash to text")
    documents_only: bool = setting(False, flag, "Refuse every document that is not in it")

    log_level: str = setting(
        "info",
        one_of("debug", "info", "warning", "error", "critical"),
        "From which level on events are logged",
    )
    log_format: LogFormat = setting(
        "auto",
        one_of("auto", "pretty", "json"),
        "How they are written: pretty, json, or auto, which is pretty on a terminal",
    )

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        *,
        dotenv: Path | None = DOTENV,
        overrides: Mapping[str, str] | None = None,
    ) -> Self:
        """Read all settings: flags win over the environment, which wins over `.env`.

        An empty value is as good as none. Raises SettingError.
        """
        found = {
            name: value
            for layer in _layers(environ, dotenv, overrides)
            for name, value in layer.items()
        }
        values = {}
        for own in fields(cls):
            name = name_of(own)
            if name not in found:
                continue
            try:
                values[own.name] = own.metadata["read"](found[name])
            except ValueError as allowed:
                bad = "" if own.metadata["secret"] else f" is {quoted(own, found[name])}, but"
                raise SettingError(
                    f"{name}{bad} must be {allowed}.", hint=meaning_of(own)
                ) from None
        host = values.get("host", cls.__dataclass_fields__["host"].default)
        values.setdefault("auth", "off" if is_loopback(host) else "required")
        settings = cls(**values)
        settings._refuse_contradictions()
        return settings

    def _refuse_contradictions(self) -> None:
        if self.ops_retry_base_ms > self.ops_retry_max_ms:
            raise SettingError(
                f"OPS_RETRY_BASE_MS is {self.ops_retry_base_ms}, which is more than "
                f"OPS_RETRY_MAX_MS with {self.ops_retry_max_ms}."
            )
        if self.jwt_secret and self.jwt_jwks_url:
            raise SettingError("JWT_SECRET and JWT_JWKS_URL are both set: only one can be.")
        if self.documents_only and self.documents is None:
            raise SettingError(
                "DOCUMENTS_ONLY is true, but no document is trusted.",
                hint="Name a manifest in DOCUMENTS.",
            )


def show(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    dotenv: Path | None = DOTENV,
    overrides: Mapping[str, str] | None = None,
) -> Iterator[Shown]:
    """Yield every setting with its value, secrets hidden, and where the value came from."""
    of_dotenv, of_environ, of_flags = _layers(environ, dotenv, overrides)
    for own in fields(settings):
        name = name_of(own)
        source = (
            "flag"
            if name in of_flags
            else "environment"
            if name in of_environ
            else ".env"
            if name in of_dotenv
            else "default"
        )
        value = shown(own, getattr(settings, own.name))
        yield Shown(name, value, source, meaning_of(own))


def example() -> str:
    """Return the text of `.env.example`: every setting with its meaning and its default."""
    lines = [
        "# Every setting, with its default. Copy this file to .env and change what you need;",
        "# the environment wins over it, and a flag over both. `ticketops settings` shows",
        "# what holds. Written by `ticketops settings --example`.",
    ]
    for own in fields(Settings):
        lines += ["", f"# {meaning_of(own)}.", f"#{name_of(own)}={default_of(own)}"]
    return "\n".join(lines) + "\n"


def _layers(
    environ: Mapping[str, str], dotenv: Path | None, overrides: Mapping[str, str] | None
) -> list[Mapping[str, str]]:
    """Return what is set, by where, the weakest first."""
    layers = (_read_dotenv(dotenv), environ, overrides or {})
    known = {name_of(own) for own in fields(Settings)}
    return [
        {name: value.strip() for name, value in layer.items() if name in known and value.strip()}
        for layer in layers
    ]


def _read_dotenv(dotenv: Path | None) -> Mapping[str, str]:
    if dotenv is None or not dotenv.is_file():
        return {}
    # Only who has such a file pays for the import.
    from dotenv import dotenv_values  # noqa: PLC0415

    try:
        # A dollar sign in a password is no reference to another setting.
        found = dotenv_values(dotenv, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{dotenv} cannot be read: {error}.") from error
    return {name: value for name, value in found.items() if value is not None}
