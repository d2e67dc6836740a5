"""Declaration of every setting.

`.env.example` and `docs/reference/settings.md` are generated from this list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from app.config.cors_parsers import header_names, origins
from app.config.errors import SettingError
from app.config.replica_urls import refuse_replicas
from app.config.setting_fields import declared_settings, setting
from app.config.setting_parsers import (
    boolean,
    choice,
    integer,
    path,
    ratio,
    request_rate,
    secret,
    text,
    url,
)
from app.config.sources import (
    DOTENV,
    SettingSource,
    parse_setting,
    read_sources,
)
from app.config.url_parsers import (
    bearer_token,
    http_base_url,
    http_url,
    postgres_url,
    postgres_urls,
)
from app.config.urls import has_user, is_loopback
from engine.database.dsn import DsnError, parse_dsn

__all__ = ["Auth", "LogFormat", "Settings"]

MINUTE_MS = 60_000
DAY_MS = 86_400_000

Auth = Literal["off", "required"]
LogFormat = Literal["auto", "pretty", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the program; the upper-case name of a field is its environment variable."""

    host: str = setting(
        "127.0.0.1",
        text,
        "Address to listen on",
        example="0.0.0.0",  # noqa: S104  # a value in the documentation
        group="Server",
    )
    port: int = setting(
        4040, integer(0, 65_535), "Port to listen on; 0 selects a free port", example="8080"
    )
    workers: int = setting(1, integer(1, 256), "Number of server processes", example="4")
    shutdown_delay_ms: int = setting(
        5000,
        integer(0, 10 * MINUTE_MS),
        "Time after SIGTERM in which the server still answers requests, so that load balancers "
        "notice that it stops: /readyz answers 503, and connections close after their responses. "
        "Ctrl-C stops without this delay",
        example="15000",
    )
    graphiql: bool = setting(
        True, boolean, "Serve GraphiQL to browsers that open /graphql", example="false"
    )
    graphql_shortcuts: bool = setting(
        True,
        boolean,
        "Use the shortcuts of the GraphQL engine: plans, generated coercion and shared statements."
        " Switch them off to find out whether one of them is at fault",
        example="false",
    )

    database_url: str | None = setting(
        None,
        postgres_url,
        "URL of the PostgreSQL database, version 13 or newer, as libpq reads it",
        unset="if unset, the server runs an embedded PostgreSQL in DATA_DIR",
        example="postgresql://ticketops@db.example.com/ticketops",
        group="Database",
    )
    database_listen_url: str | None = setting(
        None,
        postgres_url,
        "URL of the same database for LISTEN, if DATABASE_URL leads to a connection pooler in "
        "transaction mode",
        unset="if unset behind such a pooler, changes made by other processes are noticed up to "
        "1 second late",
        example="postgresql://ticketops@db.example.com:5433/ticketops",
    )
    database_pool_size: int = setting(
        10,
        integer(1, 1000),
        "Maximum number of database connections of each process",
        example="20",
        former_name="DATABASE_POOL",
    )
    database_replica_url: tuple[str, ...] = setting(
        (),
        postgres_urls,
        "URLs of hot standbys of the database, separated by commas, each of one server. Queries "
        "read from one that has replayed the last change of their caller",
        example="postgresql://ticketops@replica1.example.com/ticketops,"
        "postgresql://ticketops@replica2.example.com/ticketops",
    )
    database_replica_wait_ms: int = setting(
        50,
        integer(0, MINUTE_MS),
        "Time that a query waits until a replica has replayed the last change of its caller, "
        "before it reads on the primary",
        example="20",
    )
    database_replica_max_lag_ms: int = setting(
        30_000,
        integer(1000, 60 * MINUTE_MS),
        "Lag from which on a replica is not used",
        example="60000",
    )
    data_dir: Path = setting(
        Path(".data"), path, "Folder of the embedded database", example="/var/lib/ticketops"
    )

    delivery_worker: bool = setting(
        True,
        boolean,
        "Deliver tickets to OPS in the server processes; set it to false if `ticketops worker` "
        "does it",
        example="false",
        group="OPS",
    )
    worker_port: int | None = setting(
        None,
        integer(0, 65_535),
        "Port on which `ticketops worker` serves /healthz, /readyz and /metrics on HOST; 0 "
        "selects a free port",
        unset="if unset, a worker listens on no port",
        example="4041",
    )
    ops_url: str | None = setting(
        None,
        http_base_url,
        "Base URL of OPS",
        unset="if unset, OPS is simulated",
        example="https://ops.example.com/api",
    )
    ops_token: str | None = setting(
        None,
        bearer_token,
        "Bearer token for requests to OPS",
        example="a-token-of-ops",
        secret=True,
    )
    ops_ca_file: Path | None = setting(
        None,
        path,
        "PEM file of the certificate authorities that may sign the certificate of OPS, instead of "
        "those of the system",
        example="/etc/ssl/ops-ca.pem",
    )
    ops_timeout_ms: int = setting(
        2000, integer(1, MINUTE_MS), "Time limit of one request to OPS", example="5000"
    )
    ops_max_attempts: int = setting(
        10,
        integer(1, 1000),
        "Attempts after which a delivery becomes FAILED",
        example="20",
    )
    ops_retry_base_ms: int = setting(
        500,
        integer(1, DAY_MS),
        "Maximum delay before the second attempt; it doubles with each further attempt",
        example="1000",
    )
    ops_retry_max_ms: int = setting(
        300_000, integer(1, DAY_MS), "Maximum delay between two attempts", example="60000"
    )
    ops_sim_latency_ms: int = setting(
        50, integer(0, MINUTE_MS), "Response time of the simulated OPS", example="200"
    )
    ops_sim_failure_rate: float = setting(
        0.0,
        ratio,
        "Share of requests that fail temporarily in the simulated OPS, from 0 to 1",
        example="0.2",
    )
    ops_sim_reject_rate: float = setting(
        0.0,
        ratio,
        "Share of tickets that the simulated OPS rejects permanently, from 0 to 1",
        example="0.05",
    )
    ops_sim_seed: int = setting(
        0,
        integer(-(2**31), 2**31 - 1),
        "Seed of the simulated OPS; the same seed fails and rejects the same requests",
        example="42",
    )

    auth: Auth = setting(
        "required",
        choice("off", "required"),
        "Whether callers must authenticate: off or required",
        unset="if unset, off if HOST is a loopback address and required otherwise",
        example="required",
        group="Access",
    )
    jwt_secret: str | None = setting(
        None,
        secret(32),
        "Secret that verifies JWTs signed with HS256; at least 32 bytes",
        example="a-random-secret-of-32-bytes-or-more",
        secret=True,
    )
    jwt_jwks_url: str | None = setting(
        None,
        http_url,
        "URL of the public keys that verify JWTs; cannot be combined with JWT_SECRET",
        example="https://login.example.com/.well-known/jwks.json",
    )
    jwt_issuer: str | None = setting(
        None, text, "Required issuer (iss) of JWTs", example="https://login.example.com/"
    )
    jwt_audience: str | None = setting(
        None, text, "Required audience (aud) of JWTs", example="ticketops"
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        origins,
        "Origins whose web pages may call the API, separated by commas",
        example="https://help.example.com,https://admin.example.com",
    )
    cors_headers: tuple[str, ...] = setting(
        (),
        header_names,
        "Further request headers that these pages may send; those of HTTP, GraphQL and tracing "
        "clients are always allowed",
        example="X-Tenant,X-App-Version",
    )

    max_body_bytes: int = setting(
        1_048_576,
        integer(1024, 2**30),
        "Maximum size of a request body",
        example="2097152",
        group="Limits",
    )
    max_json_values: int = setting(
        40_000,
        integer(100, 10_000_000),
        "Maximum number of values in the JSON of a request, nested ones included",
        example="80000",
    )
    max_tokens: int = setting(
        2000,
        integer(1, 1_000_000),
        "Maximum number of tokens in a GraphQL document",
        example="4000",
    )
    max_depth: int = setting(12, integer(1, 1000), "Maximum depth of an operation", example="15")
    max_cost: int = setting(
        10_000, integer(1, 2**31 - 1), "Maximum cost of an operation", example="20000"
    )
    cache_max_bytes: int = setting(
        33_554_432,
        integer(1_048_576, 2**40),
        "Maximum memory of all caches of each process together",
        example="134217728",
    )
    max_filter_values: int = setting(
        100,
        integer(1, 100_000),
        "Maximum number of values in the JSON of one filter, such as `metadata: {contains: ...}`",
        example="200",
    )
    max_aliases: int = setting(
        30, integer(0, 100_000), "Maximum number of aliases in an operation", example="50"
    )
    max_directives: int = setting(
        10, integer(0, 100_000), "Maximum number of directives in an operation", example="20"
    )
    max_answer_bytes: int = setting(
        16_777_216,
        integer(65_536, 2**31 - 1),
        "Maximum size of the answer to one request, before compression",
        example="33554432",
    )
    request_timeout_ms: int = setting(
        10_000,
        integer(10, 10 * MINUTE_MS),
        "Time limit of one operation, including its SQL statements",
        example="30000",
    )
    write_timeout_ms: int = setting(
        30_000,
        integer(100, 10 * MINUTE_MS),
        "Time after which a client that reads nothing of a response is disconnected",
        example="60000",
    )
    max_unread_bytes: int = setting(
        67_108_864,
        integer(65_536, 2**40),
        "Maximum size of all responses that one caller has not read yet, in each process; its "
        "slowest connections beyond it are closed",
        example="134217728",
    )
    max_unread_bytes_in_total: int = setting(
        268_435_456,
        integer(65_536, 2**40),
        "Maximum size of all responses that clients have not read yet, in each process; the "
        "slowest connections of the caller with the most are closed beyond it",
        example="536870912",
    )
    rate_limit: str | None = setting(
        None,
        request_rate,
        "Maximum rate of requests from one caller",
        unset="if unset, unlimited",
        example="6000/minute",
    )
    rate_limit_storage: str = setting(
        "memory://",
        url("memory", "redis", "rediss", "redis+sentinel", "valkey"),
        "Storage of the request counters: memory:// counts in each process, redis:// or "
        "valkey:// across all processes",
        example="redis://cache.example.com:6379/0",
    )
    max_connections: int = setting(
        2000,
        integer(1, 1_000_000),
        "Maximum number of open WebSockets and event streams of one caller in each process",
        example="100",
    )
    max_subscriptions: int = setting(
        2000,
        integer(1, 1_000_000),
        "Maximum number of open subscriptions of one caller in each process",
        example="100",
    )
    max_open_connections: int = setting(
        20_000,
        integer(1, 1_000_000),
        "Maximum number of open connections in each process, at most as many as the limit of file "
        "descriptors permits; a quarter is reserved for connections with an authenticated request",
        example="5000",
    )
    max_unauthenticated_connections: int = setting(
        2000,
        integer(1, 1_000_000),
        "Maximum number of open connections without an authenticated request from one address in "
        "each process; above it the oldest is closed",
        example="100",
    )
    max_websocket_frames: int = setting(
        1000,
        integer(1, 1_000_000),
        "Maximum number of frames that the server accepts on one WebSocket in a second",
        example="200",
    )
    max_websocket_bytes: int | None = setting(
        None,
        integer(1024, 2**32),
        "Maximum number of bytes that the server accepts on one WebSocket in a second",
        unset="if unset, four times MAX_BODY_BYTES",
        example="2097152",
    )

    idempotency_key_ttl_hours: int = setting(
        24,
        integer(1, 8760),
        "Hours for which an idempotency key is kept; older keys are deleted in the background",
        example="72",
    )

    persisted_documents: Path | None = setting(
        None,
        path,
        "Manifest of persisted documents: a JSON object that maps hashes to documents",
        example="persisted-documents.json",
        former_name="DOCUMENTS",
        group="Persisted documents",
    )
    persisted_documents_only: bool = setting(
        False,
        boolean,
        "Reject documents that are not in PERSISTED_DOCUMENTS",
        example="true",
        former_name="DOCUMENTS_ONLY",
    )

    log_level: str = setting(
        "info",
        choice("debug", "info", "warning", "error", "critical"),
        "Lowest level of events to log: debug, info, warning, error or critical",
        example="warning",
        group="Logging",
    )
    log_format: LogFormat = setting(
        "auto",
        choice("auto", "pretty", "json"),
        "Format of the log: pretty, json, or auto, which is pretty on a terminal and json "
        "elsewhere",
        example="json",
    )

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        *,
        dotenv: Path | None = DOTENV,
        overrides: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the settings of `.env`, the environment and flags (``overrides``).

        Flags override the environment, which overrides `.env`. Raises SettingError.
        """
        declared = declared_settings(cls)
        return cls.from_sources(read_sources(declared, environ, dotenv=dotenv, overrides=overrides))

    @classmethod
    def from_sources(cls, sources: Iterable[SettingSource]) -> Self:
        """Return the settings of these sources; later ones take precedence. Raises SettingError."""
        set_by = {name: source for source in sources for name in source.values}
        values = {}
        for declaration in declared_settings(cls):
            name = declaration.name
            if (source := set_by.get(name)) is not None:
                values[declaration.attribute] = parse_setting(
                    declaration,
                    source.values[name],
                    name=source.name_of(name),
                    source=source.label,
                )
        host = values.get("host", cls.__dataclass_fields__["host"].default)
        values.setdefault("auth", "off" if is_loopback(host) else "required")
        settings = cls(**values)
        settings._refuse_contradictions()
        return settings

    def _refuse_database_urls(self) -> None:
        for name, dsn in (
            ("DATABASE_URL", self.database_url),
            ("DATABASE_LISTEN_URL", self.database_listen_url),
            *(("DATABASE_REPLICA_URL", replica) for replica in self.database_replica_url),
        ):
            try:
                parse_dsn(dsn or "postgresql://")
            except DsnError as error:
                raise SettingError(
                    f"{name} cannot be used. {error}",
                    hint="See docs/how-to/postgresql.md for the parameters of the URL.",
                ) from None
        refuse_replicas(self.database_replica_url)
        if self.database_url is not None:
            return
        if self.database_replica_url:
            raise SettingError(
                "DATABASE_REPLICA_URL is set, but DATABASE_URL is not.",
                hint="Set DATABASE_URL to the primary of the replicas.",
            )
        if self.database_listen_url is not None:
            raise SettingError(
                "DATABASE_LISTEN_URL is set, but DATABASE_URL is not.",
                hint="Set DATABASE_URL too, or remove DATABASE_LISTEN_URL.",
            )

    def _refuse_contradictions(self) -> None:
        self._refuse_database_urls()
        if self.ops_retry_base_ms > self.ops_retry_max_ms:
            raise SettingError(
                f"OPS_RETRY_BASE_MS ({self.ops_retry_base_ms}) is greater than "
                f"OPS_RETRY_MAX_MS ({self.ops_retry_max_ms}).",
                hint="Lower OPS_RETRY_BASE_MS or raise OPS_RETRY_MAX_MS.",
            )
        if self.ops_token is not None and self.ops_url is not None and has_user(self.ops_url):
            raise SettingError(
                "OPS_TOKEN is set, and OPS_URL contains a user: both authenticate to OPS.",
                hint="Remove OPS_TOKEN, or the user and password from OPS_URL.",
            )
        if self.ops_ca_file is not None and not (self.ops_url or "").lower().startswith("https:"):
            raise SettingError(
                "OPS_CA_FILE is set, but OPS_URL is not an https URL.",
                hint="Remove OPS_CA_FILE, or set OPS_URL to an https URL.",
            )
        if self.jwt_secret and self.jwt_jwks_url:
            raise SettingError(
                "JWT_SECRET and JWT_JWKS_URL are both set.", hint="Remove one of them."
            )
        if self.cors_headers and not self.cors_origins:
            raise SettingError(
                "CORS_HEADERS is set, but CORS_ORIGINS is not.",
                hint="Set CORS_ORIGINS to the origins of the pages that send these headers.",
            )
        if self.persisted_documents_only and self.persisted_documents is None:
            raise SettingError(
                "PERSISTED_DOCUMENTS_ONLY is true, but PERSISTED_DOCUMENTS is not set.",
                hint="Set PERSISTED_DOCUMENTS to a manifest of persisted documents.",
            )
