"""No caller ever misses its own change, whichever server, transport and replica it reads from."""

import asyncio
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.app.http.serving import Served
from tests.replicas.callers import called_by
from tests.replicas.streaming import Streaming, pause_replay, resume_replay

# Those that send the position back ("+") use both servers, the others only one.
NAMES = ("first", "second", "both+", "other+")
SERVERS = {"first": (0,), "second": (1,), "both+": (0, 1), "other+": (0, 1)}
TRANSPORTS = ("rest", "graphql", "websocket")

# What happens: a caller's change or read by a server and a transport, or a replica's pause.
Step: TypeAlias = tuple[str, str, int, str]


@st.composite
def operation(draw: st.DrawFn) -> Step:
    name = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(("write", "read")))
    return kind, name, draw(st.sampled_from(SERVERS[name])), draw(st.sampled_from(TRANSPORTS))


def replay() -> st.SearchStrategy[Step]:
    return st.tuples(
        st.sampled_from(("pause", "resume")), st.just(""), st.integers(0, 1), st.just("")
    )


@settings(
    deadline=None,
    max_examples=20,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.one_of(operation(), operation(), operation(), replay()), min_size=8, max_size=30
    )
)
def test_no_caller_misses_its_own_change(
    streaming: Streaming, servers: tuple[Served, Served], steps: list[Step]
) -> None:
    asyncio.run(run(streaming, [server.url for server in servers], steps))


async def run(streaming: Streaming, urls: list[str], steps: list[Step]) -> None:
    try:
        async with called_by(*NAMES, urls=urls) as caller_of:
            for kind, name, number, transport in steps:
                if kind == "pause":
                    await pause_replay(streaming.standbys[number])
                elif kind == "resume":
                    await resume_replay(streaming.standbys[number])
                elif kind == "write":
                    await caller_of(name).write(number, transport)
                else:
                    caller = caller_of(name)
                    subjects = await caller.read(number, transport)
                    assert set(subjects) <= {caller.subject}
    finally:
        for standby in streaming.standbys:
            await resume_replay(standby)


async def test_callers_that_change_and_read_at_once_miss_nothing(
    streaming: Streaming, servers: tuple[Served, Served]
) -> None:
    """While the replicas lag at random, as they do under load."""
    ended = asyncio.Event()

    async def lag() -> None:
        while not ended.is_set():
            for standby in streaming.standbys:
                await pause_replay(standby)
                await asyncio.sleep(0.02)
                await resume_replay(standby)

    names = [f"parallel-{number}+" for number in range(6)]
    async with called_by(*names, urls=[server.url for server in servers]) as caller_of:

        async def change_and_read(name: str, start: int) -> None:
            caller = caller_of(name)
            for number in range(start, start + 12):
                await caller.write(number % 2, TRANSPORTS[number % 3])
                subjects = await caller.read((number + 1) % 2, TRANSPORTS[(number + 1) % 3])
                assert set(subjects) == {caller.subject}

        lagging = asyncio.create_task(lag())
        try:
            await asyncio.gather(*map(change_and_read, names, range(len(names))))
        finally:
            ended.set()
            await lagging
