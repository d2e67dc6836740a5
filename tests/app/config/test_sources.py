import time
from pathlib import Path

import pytest

from app.config.errors import SettingError
from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from app.config.sources import RenamedSetting, UnknownSetting, read_sources, renamed, unknown

DECLARED = declared_settings(Settings)
OF_ANY_TEXT = {
    "HOST",
    "DATA_DIR",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "OPS_CA_FILE",
    "PERSISTED_DOCUMENTS",
}
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
    message = (
        f"DATABASE_POOL_SIZE and its former name DATABASE_POOL have different values in {place}"
    )
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
    with pytest.raises(
        SettingError, match=r"^DATABASE_POOL in the environment must be a whole number"
    ):
        Settings.load({"DATABASE_POOL": "x"}, dotenv=None)
    with pytest.raises(SettingError, match=r"^DATABASE_POOL_SIZE in the environment must be"):
        Settings.load({"DATABASE_POOL": "5", "DATABASE_POOL_SIZE": "x"}, dotenv=None)


@pytest.mark.parametrize("place", [".env", "the environment", "the command line"])
@pytest.mark.parametrize("name", [one.name for one in DECLARED if one.name not in OF_ANY_TEXT])
def test_an_invalid_value_is_never_quoted(tmp_path: Path, name: str, place: str) -> None:
    dotenv = tmp_path / ".env"
    value = "\x7fs3cr://hunter2\xe4@"
    (tmp_path / ".env").write_text(f"{name}={value}\n" if place == ".env" else "", "utf-8")
    environ = {name: value} if place == "the environment" else {}
    overrides = {name: value} if place == "the command line" else {}
    with pytest.raises(SettingError) as refused:
        Settings.load(environ, dotenv=dotenv, overrides=overrides)
    preposition = "on" if overrides else "in"
    assert str(refused.value).startswith(f"{name} {preposition} {place} must be ")
    assert "s3cr" not in f"{refused.value}{refused.value.hint}"
    assert "hunter2" not in f"{refused.value}{refused.value.hint}"


@pytest.mark.parametrize("name", [setting.name for setting in DECLARED])
def test_a_value_that_is_not_utf_8_is_an_error(name: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} in the environment must be UTF-8 text"):
        Settings.load(
            {name: b"\xff-and-at-least-32-bytes-of-secret".decode(errors="surrogateescape")},
            dotenv=None,
        )


@pytest.mark.parametrize(
    ("name", "similar_to"),
    [
        ("PROT", "PORT"),
        ("port", "PORT"),
        ("PORTS", "PORT"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE-URL", "DATABASE_URL"),
        ("OPSURL", "OPS_URL"),
        ("JWT_SECERT", "JWT_SECRET"),
        ("WORKER", "WORKERS"),
        ("MAX_CONECTION", "MAX_CONNECTIONS"),
    ],
)
def test_a_misspelled_name_is_found_in_each_source(
    tmp_path: Path, name: str, similar_to: str
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{name}=\n", "utf-8")
    for environ, source, place in (({}, dotenv, ".env"), ({name: "1"}, None, "environment")):
        sources = read_sources(DECLARED, environ, dotenv=source)
        assert list(unknown(sources)) == [UnknownSetting(name, similar_to, place)]


def test_names_of_other_programs_are_not_taken_for_settings() -> None:
    others = "HOSTNAME PATH HOME USER LOGNAME LANG PGPORT PGHOST DATABASE_PORT DATABASE_HOST"
    others += (
        " DATABASE_USER REDIS_URL POSTGRES_URL SHELL TERM PWD OLDPWD MAIL EDITOR PAGER TZ CI _"
    )
    environ = dict.fromkeys(
        [*others.split(), *(one.name for one in DECLARED), "DATABASE_POOL"], "1"
    )
    assert list(unknown(read_sources(DECLARED, environ, dotenv=None))) == []


def test_names_are_compared_quickly() -> None:
    environ = {f"SERVICE_{number}_PORT_80_TCP_ADDR": "1" for number in range(20_000)}
    started = time.process_time()
    assert list(unknown(read_sources(DECLARED, environ, dotenv=None))) == []
    assert time.process_time() - started < 10
