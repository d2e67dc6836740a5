"""The files for Docker Compose: valid, and consistent with the files that they use."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import pytest
import yaml

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from tests.app.programs import needed
from tests.docs.markdown import ROOT

HA = ROOT / "deploy" / "ha"
FILES = [ROOT / "compose.yaml", HA / "compose.yaml"]
RESERVED = 3
PASSWORD = 'it\'s a \\ "password"'  # noqa: S105  # of this test


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((HA / "compose.yaml").read_text())["services"]
    return found


def check(file: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    return subprocess.run([*command, file], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_the_files_conform_to_the_specification_of_compose(file: Path) -> None:
    done = check(file)
    assert done.returncode == 0, done.stdout


def test_an_unknown_field_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((HA / "compose.yaml").read_text().replace("stop_grace_period", "stop_period"))
    done = check(wrong)
    assert done.returncode == 1
    assert "stop_period" in done.stdout


def test_every_variable_is_one_that_the_program_reads() -> None:
    settings = {setting.name for setting in declared_settings(Settings)}
    patroni = dict(
        line.split("=", 1)
        for line in (HA / "patroni.env").read_text().splitlines()
        if not line.startswith("#")
    )
    haproxy = set(re.findall(r'"\$\{(\w+)-', (HA / "haproxy.cfg").read_text()))
    for name, service in services().items():
        given = set(service.get("environment", ()))
        if name.startswith(("server", "worker", "migration")):
            assert given <= settings | {"PGPASSWORD"}, name
        elif name.startswith("db"):
            assert given == set(patroni), name
            assert service["environment"]["PATRONI_NAME"] == name
        elif name == "database":
            assert given <= haproxy


def test_the_processes_are_two_of_each_kind_with_few_privileges() -> None:
    for number in (1, 2):
        for kind, command in (("server", "serve"), ("worker", "worker")):
            service = services()[f"{kind}{number}"]
            assert service["command"] == [command]
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_stated_number_of_connections_follows_from_the_file() -> None:
    pool_size = Settings().database_pool_size
    processes = sum(
        int(service["environment"].get("WORKERS", 1))
        for name, service in services().items()
        if name.startswith(("server", "worker"))
    )
    text = (HA / "compose.yaml").read_text()
    stated = re.search(r"= (\d+)\n# of the (\d+) of max_connections", text)
    assert stated is not None
    patroni = yaml.safe_load((HA / "patroni.yml").read_text())
    parameters = patroni["bootstrap"]["dcs"]["postgresql"]["parameters"]
    assert int(stated[1]) == processes * (pool_size + RESERVED) < int(stated[2])
    assert int(stated[2]) == parameters["max_connections"]


def test_the_proxy_of_the_servers_is_configured_as_the_tested_one(tmp_path: Path) -> None:
    haproxy = needed("haproxy")
    compose = yaml.safe_load((HA / "compose.yaml").read_text())
    own = compose["configs"]["proxy"]["content"]
    tested = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()

    def directives(text: str) -> set[str]:
        lines = (line.strip() for line in text.splitlines())
        return {line for line in lines if line and not line.startswith(("#", "bind", "server "))}

    assert directives(own) == directives(tested)
    [server] = [line.split() for line in tested.splitlines() if line.strip().startswith("server ")]
    for line in own.splitlines():
        if line.strip().startswith("server "):
            assert line.split()[3 : len(server)] == server[3:]
    file = tmp_path / "haproxy.cfg"
    file.write_text(own.replace("server1:", "127.0.0.1:").replace("server2:", "127.0.0.1:"))
    subprocess.run([haproxy, "-c", "-q", "-f", file], check=True)


async def test_the_role_is_created_once_and_owns_its_database(database_url: str) -> None:
    """With a password of any characters."""
    name = f"compose_{uuid4().hex}"
    service = services()["role"]
    [script] = service["command"]
    [folder] = parse_qs(urlsplit(database_url).query)["host"]
    environment = {
        "PATH": f"{Path(needed('psql', package='postgresql-client')).parent}:/usr/bin:/bin",
        "PGHOST": folder,
        "PGUSER": "postgres",
        "TICKETOPS_PASSWORD": PASSWORD,
    }
    for _ in range(2):
        await asyncio.to_thread(
            subprocess.run,
            [*service["entrypoint"], script.replace("$$", "$").replace("ticketops", name)],
            env=environment,
            check=True,
        )
    administrator = await asyncpg.connect(database_url)
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1"
    assert await administrator.fetchval(owner, name) == name
    is_set = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = $1"
    assert await administrator.fetchval(is_set, name)
    await administrator.execute(f"DROP DATABASE {name}")
    await administrator.execute(f"DROP ROLE {name}")
    await administrator.close()
