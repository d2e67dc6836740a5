"""Reverse proxies in front of servers, with the configurations of `deploy`."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.app.programs import needed, wait_for
from tests.clients.project import HERE
from tests.docs.markdown import ROOT
from tests.ops.processes import free_port

__all__ = ["PROXIES", "proxied"]

STOP_TIMEOUT_S = 10
# The address of the server in the shipped files.
SHIPPED_SERVER = "127.0.0.1:4040"


def _nginx(folder: Path, servers: Sequence[str], port: int) -> list[str | Path]:
    _write(
        folder, "nginx/ticketops.conf", servers, listen=("listen 80;", f"listen 127.0.0.1:{port};")
    )
    text = (HERE / "proxies" / "nginx.conf").read_text().replace("{{folder}}", str(folder))
    (folder / "nginx.conf").write_text(text)
    return [needed("nginx"), "-p", folder, "-c", folder / "nginx.conf"]


def _haproxy(folder: Path, servers: Sequence[str], port: int) -> list[str | Path]:
    _write(folder, "haproxy/haproxy.cfg", servers, listen=("bind :80", f"bind 127.0.0.1:{port}"))
    return [needed("haproxy"), "-db", "-f", folder / "haproxy.cfg"]


# Functions that write the configuration of a proxy, and return the command that runs it.
PROXIES: dict[str, Callable[[Path, Sequence[str], int], list[str | Path]]] = {
    "nginx.conf": _nginx,
    "haproxy.cfg": _haproxy,
}


@contextmanager
def proxied(proxy: str, folder: Path, *urls: str) -> Iterator[str]:
    """Run a proxy in front of the servers at these URLs during the block, and yield its URL.

    If the program is missing, skip the test, or fail in CI.
    """
    port = free_port()
    command = PROXIES[proxy](folder, [urlsplit(url).netloc for url in urls], port)
    log_file = folder / "proxy.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(port, process, log_file)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def _write(folder: Path, shipped: str, servers: Sequence[str], *, listen: tuple[str, str]) -> None:
    """Write a shipped configuration with other addresses; the line of a server is repeated."""
    text = (ROOT / "deploy" / shipped).read_text()
    assert [text.count(f" {SHIPPED_SERVER} "), text.count(f" {listen[0]}\n")] == [1, 1]
    lines = []
    for line in text.replace(*listen).splitlines():
        repeated = servers if f" {SHIPPED_SERVER} " in line else [SHIPPED_SERVER]
        lines += [
            line.replace(SHIPPED_SERVER, server).replace(" one ", f" server-{number} ")
            for number, server in enumerate(repeated)
        ]
    (folder / Path(shipped).name).write_text("\n".join([*lines, ""]))
