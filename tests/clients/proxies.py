"""Reverse proxies in front of a server, with the configurations of `proxies/`."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.app.programs import needed, wait_for
from tests.clients.project import HERE
from tests.ops.processes import free_port

__all__ = ["PROXIES", "proxied"]

STOP_TIMEOUT_S = 10


def _nginx(configuration: Path) -> list[str | Path]:
    return [needed("nginx"), "-p", configuration.parent, "-c", configuration]


def _haproxy(configuration: Path) -> list[str | Path]:
    return [needed("haproxy"), "-db", "-f", configuration]


PROXIES: dict[str, Callable[[Path], list[str | Path]]] = {
    "nginx.conf": _nginx,
    "haproxy.cfg": _haproxy,
}


@contextmanager
def proxied(url: str, configuration: str, folder: Path) -> Iterator[str]:
    """Run a proxy in front of the server at `url` during the block, and yield its URL.

    If the program is missing, skip the test, or fail in CI.
    """
    port = free_port()
    text = (HERE / "proxies" / configuration).read_text()
    values = {"folder": folder, "server": urlsplit(url).netloc, "port": port}
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", str(value))
    file = folder / configuration
    file.write_text(text)
    log_file = folder / "proxy.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(PROXIES[configuration](file), stdout=log, stderr=log)
    try:
        wait_for(port, process, log_file)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
