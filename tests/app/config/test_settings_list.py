from pathlib import Path

import pytest

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.settings_list import env_example, list_settings
from app.config.sources import read_sources
from app.config.url_parsers import http_base_url
from app.config.urls import HIDDEN

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-that-must-not-appear-in-any-output"  # noqa: S105  # a secret of this test


def test_the_list_hides_every_secret() -> None:
    environ = {
        "DATABASE_URL": f"postgresql://me:{SECRET}@localhost/x?password={SECRET}",
        "OPS_URL": f"https://me:{SECRET}@ops.example.com",
        "JWT_SECRET": SECRET,
        "RATE_LIMIT_STORAGE": f"redis://:{SECRET}@localhost",
    }
    sources = read_sources(declared_settings(Settings), environ, dotenv=None)
    rows = {row.name: row.value for row in list_settings(Settings.from_sources(sources), sources)}
    assert SECRET not in str(rows)
    assert all(HIDDEN in rows[name] for name in environ)


@pytest.mark.parametrize("name", [one.name for one in declared_settings(Settings)])
def test_settings_that_may_hold_a_secret_are_hidden(name: str) -> None:
    """Those that are named for one, and URLs: user information and parameters can be one."""
    [setting] = [one for one in declared_settings(Settings) if one.name == name]
    is_url = name.endswith("_URL") or "://" in str(setting.default)
    assert setting.parser.is_url is is_url
    assert setting.is_secret is name.endswith(("_TOKEN", "_SECRET", "_KEY", "_PASSWORD"))
    if is_url:
        value = f"{setting.example.partition('://')[0]}://u:{SECRET}@h/x?a={SECRET}"
    elif setting.is_secret:
        value = SECRET
    else:
        return
    if setting.parser is not http_base_url:
        value = setting.parser(value)
    assert SECRET not in setting.display(value)


def test_the_list_names_the_source_of_each_value(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=1\nHOST=::1\nDATA_DIR=data\n", encoding="utf-8")
    sources = read_sources(
        declared_settings(Settings),
        {"PORT": "2", "HOST": "localhost"},
        dotenv=dotenv,
        overrides={"PORT": "3"},
    )
    rows = list_settings(Settings.from_sources(sources), sources)
    labels = {row.name: row.source for row in rows}
    assert labels["PORT"] == "flag"
    assert labels["HOST"] == "environment"
    assert labels["DATA_DIR"] == ".env"
    assert labels["WORKERS"] == "default"


def test_every_setting_is_documented() -> None:
    for setting in declared_settings(Settings):
        assert setting.description, setting.name
        assert setting.example, setting.name
        assert setting.group, setting.name
        assert setting.parser(setting.example) is not None, setting.name


def test_the_committed_example_is_up_to_date() -> None:
    """`ticketops settings --example > .env.example` writes it."""
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example()
    for setting in declared_settings(Settings):
        assert f"#{setting.name}=" in env_example()


def test_the_example_contains_the_defaults(tmp_path: Path) -> None:
    """With every line uncommented the settings are the default ones."""
    dotenv = tmp_path / ".env"
    lines = [line for line in env_example().splitlines() if line and not line.startswith("# ")]
    dotenv.write_text("\n".join(line.removeprefix("#") for line in lines), encoding="utf-8")
    assert Settings.load({}, dotenv=dotenv) == Settings.load({}, dotenv=None)
