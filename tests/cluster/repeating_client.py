"""A client that repeats each operation until it is acknowledged."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2

from tests.cluster.nodes import WITHIN_S
from tests.feed.clients import Running

__all__ = ["RepeatingClient"]


class RepeatingClient:
    """Executes operations at the servers in turn, and repeats them while these are unavailable.

    With ``returned_header``, each request has the last value of this header that a response had.
    """

    def __init__(
        self,
        servers: Sequence[Running],
        *,
        headers: dict[str, str] | None = None,
        returned_header: str | None = None,
    ) -> None:
        self._servers = servers
        self._headers = headers or {}
        self._returned_header = returned_header
        self._number = 0

    async def execute(
        self, http: httpx2.AsyncClient, document: str, **variables: str
    ) -> dict[str, Any]:
        """Return the data of an operation."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                self._number += 1
                server = self._servers[self._number % len(self._servers)]
                try:
                    response = await http.post(
                        f"{server.url}/graphql",
                        json={"query": document, "variables": variables},
                        headers=self._headers,
                    )
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                header = self._returned_header
                if header is not None and header in response.headers:
                    self._headers[header] = response.headers[header]
                content = response.json()
                if "errors" not in content:
                    data: dict[str, Any] = content["data"]
                    return data
                # Only what a client may repeat: an outage or a time-out, never another error.
                [error] = content["errors"]
                assert error["extensions"]["code"] in {"SERVICE_UNAVAILABLE", "TIMEOUT"}, content
                await asyncio.sleep(0.1)
