from dataclasses import FrozenInstanceError
from pathlib import Path

import httpx2
import pytest

from app.config.errors import SettingError
from app.config.settings import Settings

SECRET = "a-secret-that-must-not-appear-in-any-output"  # noqa: S105  # a secret of this test
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # nothing listens on it


def load(**environ: str) -> Settings:
    return Settings.load(environ, dotenv=None)


def test_defaults() -> None:
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 4040)
    assert settings.database_url is None
    assert settings.data_dir == Path(".data")
    assert settings.ops_url is None
    assert settings.auth == "off"
    assert (settings.max_body_bytes, settings.max_tokens, settings.max_depth) == (2**20, 2000, 12)
    assert (settings.max_cost, settings.max_aliases, settings.max_directives) == (10_000, 30, 10)
    assert settings.request_timeout_ms == 10_000


def test_settings_are_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        load().port = 1  # type: ignore[misc]  # the test assigns to a frozen field


def test_an_empty_value_counts_as_absent() -> None:
    """compose.yaml and shells pass unset variables on as empty ones."""
    settings = load(DATABASE_URL="", PORT=" ", AUTH="")
    assert (settings.database_url, settings.port, settings.auth) == (None, 4040, "off")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_authentication_is_off_by_default_on_a_loopback_address(host: str) -> None:
    assert load(HOST=host).auth == "off"


@pytest.mark.parametrize("host", [ANY_ADDRESS, "::", "192.0.2.7", "tickets.example.com", "::2"])
def test_authentication_is_required_by_default_on_any_other_host(host: str) -> None:
    assert load(HOST=host).auth == "required"
    assert load(HOST=host, AUTH="off").auth == "off"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "4_040", "a whole number from 0 to 65535"),
        ("PORT", "٤٠", "a whole number from 0 to 65535"),
        ("WORKERS", "0", "a whole number from 1 to 256"),
        ("REQUEST_TIMEOUT_MS", "10s", "a whole number from 10 to 600000, in milliseconds"),
        (
            "MAX_UNREAD_BYTES_IN_TOTAL",
            "1MB",
            "a whole number from 65536 to 1099511627776, in bytes",
        ),
        ("MAX_COST", "9" * 5000, "a whole number from 1 to 2147483647"),
        ("GRAPHIQL", "maybe", "true or false"),
        ("OPS_SIM_FAILURE_RATE", "1.01", "a number from 0 to 1"),
        ("OPS_SIM_FAILURE_RATE", "nan", "a number from 0 to 1"),
        ("AUTH", "on", "one of off, required"),
        ("LOG_LEVEL", "loud", "one of debug, info"),
        ("DATABASE_URL", "mysql://localhost/x", "a URL like postgresql://"),
        ("DATABASE_URL", "postgresql://me:a#b@h/x", "percent-encode"),
        ("DATABASE_URL", "postgresql://me:1/b@h/x", "percent-encode"),
        ("RATE_LIMIT_STORAGE", "redis://:1#b@h", "percent-encode"),
        ("DATABASE_URL", "host=localhost dbname=x", "a URL like postgresql://"),
        ("DATA_DIR", "~no-such-user/data", "a path"),
        ("CORS_ORIGINS", "https://a.example.com/path", "origins separated by commas"),
        ("CORS_ORIGINS", "*", "origins separated by commas"),
        ("CORS_ORIGINS", "null", '"null" are not allowed, because every page can have them'),
        ("CORS_ORIGINS", "help.example.com", "like https://help.example.com"),
        ("CORS_ORIGINS", "https://me@help.example.com", "origins separated by commas"),
        ("CORS_ORIGINS", "https://help..example.com", "origins separated by commas"),
        ("CORS_ORIGINS", "https://help.example.com:65536", "origins separated by commas"),
        ("CORS_ORIGINS", "https://[::1", "origins separated by commas"),
        ("CORS_ORIGINS", "https://*.example.com", "origins separated by commas"),
        ("CORS_ORIGINS", "file://", "origins separated by commas"),
        ("CORS_HEADERS", "X-Tenant: a", "names of headers separated by commas"),
        ("CORS_HEADERS", "X-Tenant, *", "names of headers separated by commas"),
        ("CORS_HEADERS", "X-Tenant", "CORS_ORIGINS is not"),
        ("RATE_LIMIT", "many", "like 6000/minute"),
        ("JWT_SECRET", "short", "at least 32 bytes"),
        ("OPS_RETRY_BASE_MS", "400000", "OPS_RETRY_MAX_MS"),
        ("DATABASE_LISTEN_URL", "postgresql://h/d", "DATABASE_URL is not"),
        ("PERSISTED_DOCUMENTS_ONLY", "true", "PERSISTED_DOCUMENTS is not set"),
    ],
)
def test_the_error_for_an_invalid_value_is_one_line_with_the_allowed_values(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingError) as caught:
        load(**{name: value})
    line = str(caught.value)
    assert name in line
    assert allowed in line
    assert "\n" not in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("http://A.example:80", "http://a.example"),
        ("HTTPS://a.example:443/", "https://a.example"),
        ("https://a.example:80", "https://a.example:80"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[0:0::1]:4040", "http://[::1]:4040"),
        ("altair://-", "altair://-"),
        ("app://obsidian.md", "app://obsidian.md"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ("tauri://localhost:80", "tauri://localhost:80"),
    ],
)
def test_an_origin_has_the_form_that_browsers_send(value: str, sent: str) -> None:
    settings = load(CORS_ORIGINS=f" {value} , {sent},", CORS_HEADERS="X-Tenant")
    assert settings.cors_origins == (sent,)
    assert settings.cors_headers == ("x-tenant",)


def test_the_error_for_an_invalid_secret_does_not_contain_it() -> None:
    with pytest.raises(SettingError) as caught:
        load(JWT_SECRET="hunter2")  # noqa: S106  # a secret of this test
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingError) as caught:
        load(DATABASE_URL="mysql://me:hunter2@localhost/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["OPS_URL", "JWT_JWKS_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "ftp://ops.example.com",
        "ops.example.com",
        "http:ops.example.com",
        "http:/ops.example.com",
        "http://",
        "http:///x",
        "http://:80/x",
        "http://user@/x",
        "http://[::1",
        "http://h:0",
        "http://h:65536",
        "http://h:x",
        "http://a..example",
        f"http://{'a' * 64}.example",
        "http://h/a b",
        "http://h\\x",
        "http://h/a#b",
        "http://user:a#b@h",
        "http://user:1/b@h",
    ],
)
def test_a_url_that_cannot_be_requested_is_an_error(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} in the environment must be a URL like"):
        load(**{name: value})


@pytest.mark.parametrize("value", ["http://h/api?ver=1", "http://h/api?", "http://h?"])
def test_a_base_url_has_no_query(value: str) -> None:
    with pytest.raises(SettingError, match="without query"):
        load(OPS_URL=value)
    assert load(JWT_JWKS_URL=value).jwt_jwks_url == value


@pytest.mark.parametrize(
    "value",
    [
        "http://h",
        "HTTPS://H/",
        "http://[::1]:80/a/b/",
        "http://ops_server:4050",
        "http://bücher.example/ä",
        "http://user:p%40ss@h",
    ],
)
def test_urls_that_can_be_requested(value: str) -> None:
    assert load(OPS_URL=value).ops_url == value
    assert httpx2.URL(value).host


def test_the_user_of_ops_url_excludes_a_token() -> None:
    with pytest.raises(SettingError, match="OPS_TOKEN is set, and OPS_URL contains a user"):
        load(OPS_URL="http://u:p@h", OPS_TOKEN="t")  # noqa: S106  # of this test
    assert load(OPS_URL="http://u:p@h").ops_token is None


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (
            "postgresql://a/t,postgresql://b/t,postgresql://a:5432/t",
            "1 and 3 name the same server: a",
        ),
        ("postgresql://u@DB:1/t,postgresql://v:p@db:1/t", "1 and 2 name the same server: db:1"),
        ("postgresql:///t?host=/s,postgresql:///t?host=/s&port=5432", "same server: /s"),
        ("postgresql:///t,postgresql:///t", "the same server: the default one"),
        ("postgresql://a,b/t", "One of its URLs has 2 hosts"),
    ],
)
def test_each_url_of_replicas_names_another_server(urls: str, message: str) -> None:
    environ = {"DATABASE_URL": "postgresql://p/t", "DATABASE_REPLICA_URL": urls}
    with pytest.raises(SettingError, match=f"^DATABASE_REPLICA_URL cannot be used.*{message}"):
        Settings.load(environ, dotenv=None)


def test_replicas_on_different_ports_or_of_different_databases_are_accepted() -> None:
    urls = ("postgresql://a:1/t", "postgresql://a:2/t", "postgresql://a:1/u")
    environ = {"DATABASE_URL": "postgresql://p/t", "DATABASE_REPLICA_URL": ",".join(urls)}
    assert Settings.load(environ, dotenv=None).database_replica_url == urls


@pytest.mark.parametrize("value", ["tökén", "a b", "a\tb", "a\u200b", "x" * 8193])
def test_a_token_that_no_header_can_contain_is_an_error(value: str) -> None:
    with pytest.raises(
        SettingError, match=r"^OPS_TOKEN in the environment must be ASCII"
    ) as caught:
        load(OPS_TOKEN=value)
    assert value not in str(caught.value)
