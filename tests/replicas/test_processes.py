"""A server of several processes: each knows the changes that callers made with another one."""

from pathlib import Path
from uuid import uuid4

import httpx2

from tests.feed.servers import serve
from tests.replicas.callers import AUTHENTICATION, POSITION, TICKET, token_of
from tests.replicas.streaming import Streaming, pause_replay, resume_replay
from tests.waiting import until

CONNECTIONS = 12


async def test_a_change_is_visible_in_each_process_without_its_position(
    streaming: Streaming, tmp_path: Path
) -> None:
    settings = AUTHENTICATION | streaming.settings | {"WORKERS": "3"}
    writer = {"Authorization": token_of(uuid4().hex)}
    reader = {"Authorization": token_of(uuid4().hex)}
    async with serve(streaming.primary.url, tmp_path, **settings) as server:

        async def get(path: str, headers: dict[str, str]) -> httpx2.Response:
            # Each connection can lead to another process.
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
                return await http.get(path, headers=headers)

        async def uses_both() -> bool:
            states = [(await get("/readyz", {})).json()["replicas"] for _ in range(CONNECTIONS)]
            return all(set(one.values()) == {"used"} for one in states)

        await until(uses_both, within_s=120)
        for standby in streaming.standbys:
            await pause_replay(standby)
        try:
            async with httpx2.AsyncClient(base_url=server.url, timeout=60) as http:
                created = await http.post("/tickets", json=TICKET, headers=writer)
            assert POSITION in created.headers
            path = f"/tickets/{created.json()['id']}"
            for _ in range(CONNECTIONS):
                assert (await get(path, writer)).status_code == 200
                assert (await get(path, reader)).status_code == 404
        finally:
            for standby in streaming.standbys:
                await resume_replay(standby)
