from pathlib import Path

import pytest

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.sources import RenamedSetting, SettingError, read_sources, renamed

DECLARED = declared_settings(Settings)
FORMER_NAMES = [(setting.former_name, setting.name) for setting in DECLARED if setting.former_name]


def test_flags_override_the_environment_which_overrides_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('PORT=1\nHOST=::1\nDATA_DIR="from file"\nOTHER=ignored\n', encoding="utf-8")
    environ, flags = {"PORT": "2", "HOST": "localhost"}, {"PORT": "3"}
    settings = Settings.load(environ, dotenv=dotenv, overrides=flags)
    assert (settings.port, settings.host) == (3, "localhost")
    assert settings.data_dir == Path("from file")


def test_dollar_signs_in_dotenv_are_literal(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPS_TOKEN=a${HOME}b$c\n", encoding="utf-8")
    assert Settings.load({}, dotenv=dotenv).ops_token == "a${HOME}b$c"  # noqa: S105  # of this test


def test_an_unreadable_dotenv_is_an_error(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"HOST=\xff\n")
    with pytest.raises(SettingError, match="Cannot read"):
        Settings.load({}, dotenv=dotenv)


def test_the_settings_with_former_names() -> None:
    assert FORMER_NAMES == [
        ("DATABASE_POOL", "DATABASE_POOL_SIZE"),
        ("DOCUMENTS", "PERSISTED_DOCUMENTS"),
        ("DOCUMENTS_ONLY", "PERSISTED_DOCUMENTS_ONLY"),
    ]


def test_former_names_are_accepted_from_the_environment_and_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("DOCUMENTS=manifest.json\n", encoding="utf-8")
    environ = {"DATABASE_POOL": "7", "DOCUMENTS_ONLY": "true"}
    settings = Settings.load(environ, dotenv=dotenv)
    assert settings.database_pool_size == 7
    assert settings.persisted_documents == Path("manifest.json")
    assert settings.persisted_documents_only
    assert list(renamed(read_sources(DECLARED, environ, dotenv=dotenv))) == [
        RenamedSetting("DOCUMENTS", "PERSISTED_DOCUMENTS", ".env"),
        RenamedSetting("DATABASE_POOL", "DATABASE_POOL_SIZE", "environment"),
        RenamedSetting("DOCUMENTS_ONLY", "PERSISTED_DOCUMENTS_ONLY", "environment"),
    ]


@pytest.mark.parametrize(("former_name", "name"), FORMER_NAMES)
def test_two_names_with_different_values_are_an_error(
    tmp_path: Path, former_name: str, name: str
) -> None:
    with pytest.raises(SettingError, match=f"{name} and its former name {former_name} have"):
        Settings.load({name: "2", former_name: "3"}, dotenv=None)
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{former_name}=3\n", encoding="utf-8")
    with pytest.raises(SettingError, match=f"{name} and its former name {former_name} have"):
        Settings.load({name: "2"}, dotenv=dotenv)


def test_two_names_with_the_same_value_are_accepted() -> None:
    environ = {"DATABASE_POOL": "7", "DATABASE_POOL_SIZE": "7"}
    assert Settings.load(environ, dotenv=None).database_pool_size == 7
