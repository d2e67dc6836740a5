"""OPS_CA_FILE: a private authority that signs the certificate of OPS."""

from pathlib import Path

import pytest

from app.config.errors import SettingError
from app.config.settings import Settings
from app.delivery import check_ops_settings, ops_client
from ops.clients.protocol import OpsFailure
from tests.app.service import ticketops
from tests.ops.authority import Authority
from tests.ops.sockets import answering
from tests.ops.test_http_client import http

ACCEPTED = http("200 OK", b'{"reference": "R-1"}')


def settings(url: str, **given: object) -> Settings:
    texts = {name: str(value) for name, value in given.items()}
    return Settings.load({"OPS_URL": url, **texts}, dotenv=None)


async def test_a_private_authority_is_trusted_instead_of_those_of_the_system(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    other = Authority(tmp_path, name="other.example")
    async with answering(ACCEPTED, tls=authority.server_context("127.0.0.1")) as server:
        for given in ({}, {"OPS_CA_FILE": other.file}):
            client = ops_client(settings(server.url, **given))
            with pytest.raises(OpsFailure, match="CERTIFICATE_VERIFY_FAILED"):
                await client.submit("{}", key="k", attempt=1)
            await client.close()
        assert server.requests == []
        client = ops_client(settings(server.url, OPS_CA_FILE=authority.file))
        assert (await client.submit("{}", key="k", attempt=1)).reference == "R-1"
        await client.close()


async def test_the_name_in_the_certificate_is_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with answering(ACCEPTED, tls=authority.server_context("192.0.2.1")) as server:
        client = ops_client(settings(server.url, OPS_CA_FILE=authority.file))
        with pytest.raises(OpsFailure, match=r"not valid for '127\.0\.0\.1'"):
            await client.submit("{}", key="k", attempt=1)
        await client.close()
        assert server.requests == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "not a list of certificates"),
        (b"hello", "not a list of certificates"),
        (b"\xff\xfe", "not a list of certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a list of"),
        ("a folder", "Is a directory"),
    ],
)
def test_a_file_without_authorities_is_an_error(
    tmp_path: Path, content: bytes | str | None, reason: str
) -> None:
    file = tmp_path / "authorities.pem"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    with pytest.raises(SettingError, match=f"^Cannot read OPS_CA_FILE {file}: .*{reason}"):
        check_ops_settings(settings("https://ops.example", OPS_CA_FILE=file))


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_file_without_authorities_prevents_the_start(tmp_path: Path, command: str) -> None:
    given = {"OPS_URL": "https://ops.example", "OPS_CA_FILE": "missing.pem"}
    done = ticketops(command, cwd=tmp_path, PORT="0", **given)
    assert done.returncode == 2
    [line, hint] = done.stderr.splitlines()
    assert line == "ticketops: Cannot read OPS_CA_FILE missing.pem: No such file or directory."
    assert "OPS_CA_FILE" in hint
    assert not (tmp_path / ".data").exists()


@pytest.mark.parametrize("url", ["http://ops.example", ""])
def test_authorities_need_an_https_url(url: str) -> None:
    with pytest.raises(SettingError, match="OPS_URL is not an https URL"):
        settings(url, OPS_CA_FILE="ca.pem")
