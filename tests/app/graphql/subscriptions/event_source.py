"""A client of server-sent events that shows their bytes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

RETRY_FOR_S = 60


class EventSource:
    """The events of one response."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._chunks = response.aiter_bytes()
        self._read = b""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        http: httpx2.AsyncClient,
        query: str,
        /,
        *,
        accept: str = "text/event-stream",
        method: str = "POST",
        **variables: Any,
    ) -> AsyncIterator["EventSource"]:
        """Request an operation, and close its stream at the end of the block."""
        headers = {"Accept": accept}
        request: dict[str, Any] = {"json": {"query": query, "variables": variables}}
        if method == "GET":
            request = {"params": {"query": query, "variables": json.dumps(variables)}}
        async with http.stream(method, "/graphql", headers=headers, **request) as response:
            yield cls(response)

    async def block(self, *, retry_for_s: float = RETRY_FOR_S) -> bytes | None:
        """Return the next block, up to an empty line; None at the end of the stream."""
        async with asyncio.timeout(retry_for_s):
            while b"\n\n" not in self._read:
                chunk = await anext(self._chunks, None)
                if chunk is None:
                    assert self._read == b"", "cut off"
                    return None
                self._read += chunk
        block, _, self._read = self._read.partition(b"\n\n")
        return block

    async def event(self, *, retry_for_s: float = RETRY_FOR_S) -> tuple[str, Any] | None:
        """Return name and data of the next event; None at the end of the stream."""
        while (block := await self.block(retry_for_s=retry_for_s)) is not None:
            if block == b":":
                continue
            name, data = block.split(b"\n")
            text = data.removeprefix(b"data:").strip()
            return name.removeprefix(b"event: ").decode(), json.loads(text) if text else None
        return None

    async def next(self) -> Any:
        """Return the data of the next result."""
        event = await self.event()
        assert event is not None
        name, result = event
        assert name == "next"
        assert "errors" not in result, result
        return result["data"]
