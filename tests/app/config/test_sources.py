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


@pytest.mark.parametrize("place", [".env", "the environment"])
def test_two_names_with_different_values_in_one_source_are_an_error(
    tmp_path: Path, place: str
) -> None:
    texts = {"DATABASE_POOL_SIZE": "2", "DATABASE_POOL": "3"}
    dotenv = tmp_path / ".env"
    if place == ".env":
        dotenv.write_text("\n".join(f"{name}={text}" for name, text in texts.items()), "utf-8")
        texts = {}
    message = f"DATABASE_POOL_SIZE and its former name DATABASE_POOL have .* in {place}"
    with pytest.raises(SettingError, match=message):
        Settings.load(texts, dotenv=dotenv)


@pytest.mark.parametrize(("former_name", "name"), FORMER_NAMES)
def test_a_source_overrides_another_also_under_the_other_name(
    tmp_path: Path, former_name: str, name: str
) -> None:
    dotenv = tmp_path / ".env"
    for lower, higher in ((former_name, name), (name, former_name)):
        dotenv.write_text(f"{lower}=3\n", encoding="utf-8")
        sources = read_sources(DECLARED, {higher: "2"}, dotenv=dotenv)
        assert [source.values.get(name) for source in sources] == ["3", "2", None]


def test_the_size_of_the_pool_in_the_environment_overrides_the_former_name_in_dotenv(
    tmp_path: Path,
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("DATABASE_POOL=5\n", encoding="utf-8")
    assert Settings.load({"DATABASE_POOL_SIZE": "7"}, dotenv=dotenv).database_pool_size == 7


def test_two_names_with_the_same_value_are_accepted() -> None:
    environ = {"DATABASE_POOL": "07", "DATABASE_POOL_SIZE": "7"}
    assert Settings.load(environ, dotenv=None).database_pool_size == 7


def test_an_invalid_value_is_reported_under_the_name_that_was_set() -> None:
    with pytest.raises(SettingError, match=r'^DATABASE_POOL is "x", but must be a whole number'):
        Settings.load({"DATABASE_POOL": "x"}, dotenv=None)
    with pytest.raises(SettingError, match=r'^DATABASE_POOL_SIZE is "x", but must be'):
        Settings.load({"DATABASE_POOL": "5", "DATABASE_POOL_SIZE": "x"}, dotenv=None)
