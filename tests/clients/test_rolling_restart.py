"""Two servers behind a proxy are restarted one after the other under load: no request fails."""

from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.clients.proxies import proxied
from tests.clients.rolling import CREATE, REQUESTS, Load, Server, ask


@pytest.mark.parametrize(("proxy", "workers"), [("nginx.conf", 2), ("haproxy.cfg", 1)])
def test_no_request_fails(
    tmp_path: Path, empty_database_url: str, proxy: str, workers: int
) -> None:
    servers = [Server(empty_database_url, tmp_path / f"server{number}.log") for number in (0, 1)]
    with ExitStack() as cleanup:
        for server in servers:
            cleanup.callback(server.close)
            server.start(workers=workers)
        url = cleanup.enter_context(proxied(proxy, tmp_path, *(one.url for one in servers)))
        load = Load(url, lambda http: ask(http, CREATE))
        with load.running():
            load.wait_for_requests()
            for server in servers:
                assert server.stop() == 0, server.log_file.read_text()
                load.wait_for_requests()
                server.start(workers=workers)
                # The proxy uses the server again.
                server.wait_for_requests(load)
        assert load.failures == []
        count = {"query": "{ tickets { totalCount } }"}
        assert httpx2.post(f"{url}/graphql", json=count).json() == {
            "data": {"tickets": {"totalCount": load.done}}
        }
    assert load.done >= 5 * REQUESTS
