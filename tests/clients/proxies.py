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
def proxied(configuration: str, folder: Path, *urls: str) -> Iterator[str]:
    """Run a proxy in front of the servers at these URLs during the block, and yield its URL.

    If the program is missing, skip the test, or fail in CI.
    """
    port = free_port()
    text = "\n".join(
        _filled(line, folder=folder, port=port, number=number, server=urlsplit(url).netloc)
        for line in (HERE / "proxies" / configuration).read_text().splitlines()
        # The line of a server is repeated for each of them.
        for number, url in enumerate(urls if "{{server}}" in line else urls[:1])
    )
    file = folder / configuration
    file.write_text(f"{text}\n")
    log_file = folder / "proxy.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(PROXIES[configuration](file), stdout=log, stderr=log)
    try:
        wait_for(port, process, log_file)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def _filled(line: str, **values: object) -> str:
    """Return a line of a configuration with its values."""
    for name, value in values.items():
        line = line.replace("{{" + name + "}}", str(value))
    return line
