"""Clients by name: each queries, creates, updates, causes a conflict, and subscribes if it can."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.app.http.serving import Served
from tests.app.programs import wait_for
from tests.clients.conftest import NewProject, only_one, with_pip
from tests.clients.project import HERE, Project, install_npm, run
from tests.clients.proxies import PROXIES, proxied
from tests.ops.processes import free_port

EXPECTED = {
    "viewer": "clients",
    "created": 1,
    "updated": 2,
    "conflict": "VERSION_CONFLICT",
}
EVENT = {"event": "UPDATED"}
NODE = {
    "fetch": EXPECTED,
    "graphql-request": EXPECTED,
    "apollo": EXPECTED | EVENT,
    "urql": EXPECTED | EVENT,
    "graphql-sse": EXPECTED | EVENT,
}
PYTHON = {
    "urllib": EXPECTED,
    "requests": EXPECTED,
    "httpx2": EXPECTED,
    "gql-aiohttp": EXPECTED,
    "gql-requests": EXPECTED,
    "gql-httpx": EXPECTED,
    "gql-httpx-async": EXPECTED,
    "gql-websockets": EXPECTED | EVENT,
    "gql-aiohttp-websockets": EXPECTED | EVENT,
}


def converse(project: Project, client: str, url: str, token: str) -> object:
    environ = {"CLIENT": client, "URL": f"{url}/graphql", "TOKEN": token}
    return json.loads(project.run("node", "conversation.js", **environ))


@pytest.mark.parametrize("client", NODE)
def test_node(project: NewProject, closed_server: Served, token: str, client: str) -> None:
    assert converse(project("node"), client, closed_server.url, token) == NODE[client]


def test_genql(project: NewProject, closed_server: Served, token: str) -> None:
    own = project("node")
    own.run("genql", "--schema", "schema.graphql", "--output", "generated")
    # The generated modules import folders, which only CommonJS allows without a bundler.
    (own.folder / "generated" / "package.json").write_text('{"type": "commonjs"}')
    compiler = ("--target", "es2022", "--module", "commonjs", "--strict", "--skipLibCheck")
    own.run("tsc", *compiler, "generated/index.ts")
    assert converse(own, "genql", closed_server.url, token) == EXPECTED


def test_python(closed_server: Served, token: str, tmp_path: Path) -> None:
    own = with_pip("python", tmp_path)
    environ = {"URL": f"{closed_server.url}/graphql", "TOKEN": token}
    assert json.loads(own.run("python", "conversation.py", **environ)) == PYTHON


def test_sgqlc_introspects_the_schema(closed_server: Served, token: str, tmp_path: Path) -> None:
    own = with_pip("sgqlc", tmp_path)
    header = f"Authorization: Bearer {token}"
    arguments = ("-m", "sgqlc.introspection", "-H", header, f"{closed_server.url}/graphql")
    schema = json.loads(own.run("python", *arguments))["data"]["__schema"]
    assert "Ticket" in {each["name"] for each in schema["types"]}


def test_go(closed_server: Served, token: str, tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("no Go on this machine (on Debian: apt install golang-go)")
    environ = {"URL": closed_server.url, "TOKEN": token, "GOCACHE": str(tmp_path)}
    results = run("go", "run", HERE / "go" / "conversation.go", cwd=tmp_path, **environ)
    assert json.loads(results) == EXPECTED | {"rest": [200, 200, 412]}


@pytest.mark.parametrize("client", ["graphql-request", "urql", "graphql-sse"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_through_a_reverse_proxy(
    project: NewProject,
    closed_server: Served,
    token: str,
    tmp_path: Path,
    *,
    proxy: str,
    client: str,
) -> None:
    with proxied(proxy, tmp_path, closed_server.url) as url:
        assert converse(project("node"), client, url, token) == NODE[client]


@pytest.mark.skipif("TEST_GATEWAY" not in os.environ, reason="part of make test-all: 500 MB of npm")
@pytest.mark.parametrize("client", ["graphql-request", "graphql-sse"])
def test_through_the_hive_gateway(
    project: NewProject, closed_server: Served, token: str, tmp_path: Path, client: str
) -> None:
    """Subscriptions are server-sent events; the gateway's own WebSockets fail in its version."""
    folder = HERE / "gateway"
    with only_one():
        install_npm(folder)
    own = project("node")
    port = free_port()
    program = (folder / "node_modules" / ".bin" / "hive-gateway", "proxy")
    options = ("--config-path", "gateway.config.mjs", "--port", str(port))
    schema = ("--schema", own.folder / "schema.graphql")
    log_file = tmp_path / "gateway.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*program, f"{closed_server.url}/graphql", *schema, *options],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, process, log_file, timeout_s=60)
        assert converse(own, client, f"http://127.0.0.1:{port}", token) == NODE[client]
    finally:
        process.kill()
        process.wait()
