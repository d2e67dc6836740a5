from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from app.config.setting_fields import HIDDEN, name_of, without_password
from app.config.settings import SettingError, Settings, example, show

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-that-nobody-may-see-in-any-list"  # noqa: S105  # the secret of a test

ANY = "0.0.0.0"  # noqa: S104  # nothing is bound to it


def load(**environ: str) -> Settings:
    return Settings.load(environ, dotenv=None)


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 4040)
    assert settings.database_url is None
    assert settings.data_dir == Path(".data")
    assert settings.ops_url is None
    assert settings.auth == "off"
    assert (settings.max_body_bytes, settings.max_tokens, settings.max_depth) == (2**20, 2000, 12)
    assert (settings.max_cost, settings.max_aliases, settings.max_directives) == (10_000, 30, 10)
    assert settings.request_timeout_ms == 10_000


def test_nothing_can_change_them_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        load().port = 1  # type: ignore[misc]  # that is the point


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('PORT=1\nHOST=::1\nDATA_DIR="from file"\nOTHER=ignored\n', encoding="utf-8")
    environ, flags = {"PORT": "2", "HOST": "localhost"}, {"PORT": "3"}
    settings = Settings.load(environ, dotenv=dotenv, overrides=flags)
    assert (settings.port, settings.host) == (3, "localhost")
    assert settings.data_dir == Path("from file")
    sources = {
        shown.name: shown.source
        for shown in show(settings, environ, dotenv=dotenv, overrides=flags)
    }
    assert sources["PORT"] == "flag"
    assert sources["HOST"] == "environment"
    assert sources["DATA_DIR"] == ".env"
    assert sources["WORKERS"] == "default"


def test_a_dollar_sign_in_the_file_is_a_dollar_sign(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPS_TOKEN=a${HOME}b$c\n", encoding="utf-8")
    assert Settings.load({}, dotenv=dotenv).ops_token == "a${HOME}b$c"  # noqa: S105  # of a test


def test_an_empty_value_is_none() -> None:
    """compose.yaml and shells pass on what is not set as an empty text."""
    settings = load(DATABASE_URL="", PORT=" ", AUTH="")
    assert (settings.database_url, settings.port, settings.auth) == (None, 4040, "off")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_access_is_open_where_only_this_machine_can_reach_the_host(host: str) -> None:
    assert load(HOST=host).auth == "off"


@pytest.mark.parametrize("host", [ANY, "::", "192.0.2.7", "tickets.example.com", "::2"])
def test_access_is_required_on_any_other_host(host: str) -> None:
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
        ("DOCUMENTS_ONLY", "true", "no document is trusted"),
    ],
)
def test_a_bad_value_is_one_line_that_says_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingError) as caught:
        load(**{name: value})
    line = str(caught.value)
    assert name in line
    assert allowed in line
    assert "\n" not in line
    assert len(line) < 300


def test_a_bad_secret_is_not_repeated() -> None:
    with pytest.raises(SettingError) as caught:
        load(JWT_SECRET="hunter2")  # noqa: S106  # the secret of a test
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingError) as caught:
        load(DATABASE_URL="mysql://me:hunter2@localhost/x")
    assert "hunter2" not in str(caught.value)


def test_the_list_of_settings_hides_every_secret() -> None:
    environ = {
        "DATABASE_URL": f"postgresql://me:{SECRET}@localhost/x?password={SECRET}",
        "OPS_URL": f"https://me:{SECRET}@ops.example.com",
        "OPS_TOKEN": SECRET,
        "JWT_SECRET": SECRET,
        "RATE_LIMIT_STORAGE": f"redis://:{SECRET}@localhost",
    }
    rows = {shown.name: shown.value for shown in show(load(**environ), environ, dotenv=None)}
    assert SECRET not in str(rows)
    assert all(HIDDEN in rows[name] for name in environ)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:b@h/d", f"postgresql://a:{HIDDEN}@h/d"),
        ("postgresql://a:b:c@d@h:1/d", f"postgresql://a:{HIDDEN}@h:1/d"),
        ("postgresql://a@h/d?sslmode=require", "postgresql://a@h/d?sslmode=require"),
        ("postgresql:///d?host=/run/pg&user=a", "postgresql:///d?host=/run/pg&user=a"),
        ("postgresql:///d?sslpassword=b", f"postgresql:///d?sslpassword={HIDDEN}"),
        ("postgresql://[broken:b@h", HIDDEN),
    ],
)
def test_a_password_is_hidden_wherever_a_url_has_it(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_example_names_every_setting_with_its_meaning() -> None:
    """`.env.example` is written by `ticketops settings --example`."""
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == example()
    for own in fields(Settings):
        assert f"#{name_of(own)}=" in example()
        assert own.metadata["meaning"]


def test_the_example_says_what_holds_anyway(tmp_path: Path) -> None:
    """With every line of it put in force nothing changes."""
    dotenv = tmp_path / ".env"
    lines = [line for line in example().splitlines() if line and not line.startswith("# ")]
    dotenv.write_text("\n".join(line.removeprefix("#") for line in lines), encoding="utf-8")
    assert Settings.load({}, dotenv=dotenv) == load()
