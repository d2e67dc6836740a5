from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from app.config.settings import Settings
from app.config.sources import SettingError

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
        ("MAX_COST", "9" * 5000, "a whole number from 1 to 2147483647"),
        ("GRAPHIQL", "maybe", "true or false"),
        ("OPS_SIM_FAILURE_RATE", "1.01", "a number from 0 to 1"),
        ("OPS_SIM_FAILURE_RATE", "nan", "a number from 0 to 1"),
        ("AUTH", "on", "one of off, required"),
        ("LOG_LEVEL", "loud", "one of debug, info"),
        ("DATABASE_URL", "mysql://localhost/x", "a URL like postgresql://"),
        ("DATABASE_URL", "host=localhost dbname=x", "a URL like postgresql://"),
        ("OPS_URL", "ftp://ops.example.com", "a URL like http://"),
        ("OPS_URL", "http://[::1", "a URL like http://"),
        ("CORS_ORIGINS", "https://a.example.com/path", "origins separated by commas"),
        ("CORS_ORIGINS", "*", "origins separated by commas"),
        ("RATE_LIMIT", "many", "like 6000/minute"),
        ("JWT_SECRET", "short", "at least 32 bytes"),
        ("OPS_RETRY_BASE_MS", "400000", "OPS_RETRY_MAX_MS"),
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


def test_the_error_for_an_invalid_secret_does_not_contain_it() -> None:
    with pytest.raises(SettingError) as caught:
        load(JWT_SECRET="hunter2")  # noqa: S106  # a secret of this test
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingError) as caught:
        load(DATABASE_URL="mysql://me:hunter2@localhost/x")
    assert "hunter2" not in str(caught.value)
