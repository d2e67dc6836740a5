"""A change told to a thousand subscribers of one process: how soon, and what each costs."""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg
import httpx2

from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import CONTESTANTS, Running, start
from tests.benchmarks.databases import fresh_copy, server
from tests.benchmarks.listeners import Listener
from tests.benchmarks.options import parser, results
from tests.benchmarks.progress import say
from tests.benchmarks.tables import table

TICKETS, QUICK_TICKETS = 10_000, 1_000
SUBSCRIBERS, QUICK_SUBSCRIBERS = 1_000, 50
CHANGES, QUICK_CHANGES = 200, 5
# So that one change is told to all before the next is made.
PAUSE_S = 0.15
PATIENCE_S = 30.0
AT_ONCE = 50

SUBSCRIPTION = """
    subscription {
      %s: ticketEvents {
        cursor type at actor changes { field before after } ticket { id subject status version }
      }
    }
"""
CHANGE = """
    mutation ($id: ID!, $subject: String) {
      updateTicket(input: {id: $id, subject: $subject}) { ticket { version } }
    }
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of one kind of subscribers."""

    subscribers: int
    memory_kib: float
    # From the sending of the mutation: to its answer, and to the first, the middle and
    # the last of the subscribers; medians over the changes.
    answer_ms: float
    first_ms: float
    middle_ms: float
    last_ms: float
    cpu_us: float
    # Told in a second, where changes are made one after the other without a pause.
    told_per_s: float


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, and write it."""
    options = parser("fanout", __doc__)
    options.add_argument("--subscribers", type=int, help=f"how many ({SUBSCRIBERS:,})")
    given = options.parse_args(arguments)
    given.subscribers = given.subscribers or (QUICK_SUBSCRIBERS if given.quick else SUBSCRIBERS)
    asyncio.run(_measure(given, folder=results(given)))


async def _measure(given: argparse.Namespace, *, folder: Path) -> None:
    tickets = QUICK_TICKETS if given.quick else TICKETS
    changes = QUICK_CHANGES if given.quick else CHANGES
    found, told = {}, ""
    async with server(given.database) as server_url:
        for kind, is_same in (("who ask the same", True), ("who each ask otherwise", False)):
            async with AsyncExitStack() as opened:
                url = await opened.enter_async_context(fresh_copy(server_url, tickets))
                connection = await asyncpg.connect(url)
                opened.push_async_callback(connection.close)
                ticket_id = await connection.fetchval("SELECT id FROM tickets LIMIT 1")
                running = await start(CONTESTANTS[0], url, opened)
                bench = _Bench(running, ticket_id, changes)
                # An answer of its own for each costs so much more that fewer will do.
                subscribers = given.subscribers if is_same else given.subscribers // 10
                found[kind] = await bench.run(subscribers, is_same=is_same)
                told = await conditions(connection, load="our own client")
    text = f"{told}.\n\n{_report(found)}\n"
    print(text)  # noqa: T201  # for this it is run
    (folder / "fanout.md").write_text(text)


class _Bench:
    def __init__(self, running: Running, ticket_id: str, changes: int) -> None:
        self._running = running
        self._ticket_id = ticket_id
        self._changes = changes
        self._number = 0

    async def run(self, subscribers: int, *, is_same: bool) -> Found:
        url = f"http://127.0.0.1:{self._running.server.port}/graphql"
        async with httpx2.AsyncClient(headers=self._running.headers, trust_env=False) as http:
            await self._change(http, url)
            before = self._running.server.memory_bytes()
            listeners = await self._subscribe(subscribers, is_same=is_same)
            await self._change(http, url)
            await _until(listeners, 1)
            memory_kib = (self._running.server.memory_bytes() - before) / 1024 / subscribers

            say(f"Telling {self._changes} changes to {subscribers:,} subscribers")
            cpu_s = self._running.server.cpu_s()
            waits = []
            for number in range(self._changes):
                started_s = time.perf_counter()
                await self._change(http, url)
                answered_s = time.perf_counter()
                await _until(listeners, number + 2)
                came = sorted(listener.last_s for listener in listeners)
                moments = (answered_s, came[0], came[len(came) // 2], came[-1])
                waits.append([1000 * (moment - started_s) for moment in moments])
                await asyncio.sleep(PAUSE_S)
            cpu_s = self._running.server.cpu_s() - cpu_s

            started_s = time.perf_counter()
            for _ in range(self._changes):
                await self._change(http, url)
            await _until(listeners, 2 * self._changes + 1)
            told_per_s = self._changes * subscribers / (time.perf_counter() - started_s)
        for listener in listeners:
            listener.close()
        answer_ms, first_ms, middle_ms, last_ms = map(median, zip(*waits, strict=True))
        return Found(
            subscribers=subscribers,
            memory_kib=memory_kib,
            answer_ms=answer_ms,
            first_ms=first_ms,
            middle_ms=middle_ms,
            last_ms=last_ms,
            cpu_us=1e6 * cpu_s / self._changes / subscribers,
            told_per_s=told_per_s,
        )

    async def _subscribe(self, count: int, *, is_same: bool) -> list[Listener]:
        say(f"Connecting {count:,} subscribers")
        listeners: list[Listener] = []
        authorization = self._running.headers["Authorization"]
        for first in range(0, count, AT_ONCE):
            names = ["event" if is_same else f"event{number}" for number in range(first, count)]
            connecting = (
                Listener.listening(self._running.server.port, authorization, SUBSCRIPTION % name)
                for name in names[:AT_ONCE]
            )
            listeners += await asyncio.gather(*connecting)
        return listeners

    async def _change(self, http: httpx2.AsyncClient, url: str) -> None:
        self._number += 1
        variables = {"id": self._ticket_id, "subject": f"Subject {self._number}"}
        answer = await http.post(url, json={"query": CHANGE, "variables": variables})
        assert answer.json()["data"]["updateTicket"]["ticket"], answer.text


async def _until(listeners: Sequence[Listener], count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(listener.count < count for listener in listeners):  # noqa: ASYNC110  # of many
            await asyncio.sleep(0.005)


def _report(found: dict[str, Found]) -> str:
    head = [
        "Subscribers on one process",
        "KiB each",
        "mutation answered after, ms",
        "first heard, ms",
        "half heard, ms",
        "last heard, ms",
        "CPU each time one hears, µs",
        "heard a second",
    ]
    rows = {
        f"{one.subscribers:,} {kind}": [
            f"{one.memory_kib:.0f}",
            f"{one.answer_ms:.1f}",
            f"{one.first_ms:.1f}",
            f"{one.middle_ms:.1f}",
            f"{one.last_ms:.1f}",
            f"{one.cpu_us:.0f}",
            f"{one.told_per_s:,.0f}",
        ]
        for kind, one in found.items()
    }
    return table(head, rows)
