"""The order of lookups of API tokens, and how many run at once."""

import asyncio

from app.auth.token_lookups import MAX_LOOKUPS, TokenLookups
from engine.database.errors import DatabaseUnavailable


class Database:
    """Lookups that end when the test says so, in the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    async def look_up(self, token: str) -> str:
        """Begin a lookup; return its result, or raise its error, when it has ended."""
        self.begun.append(token)
        event = self._ends[token] = asyncio.Event()
        await event.wait()
        if token.startswith("broken"):
            raise DatabaseUnavailable(token)
        return token.upper()

    def end(self, token: str) -> None:
        """End a lookup that has begun."""
        self._ends.pop(token).set()

    async def end_all(self) -> None:
        """End one lookup after the other until none is left."""
        while self._ends:
            self.end(next(iter(self._ends)))
            await turns()


async def turns() -> None:
    """Let everything run that is ready."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_known_tokens_precede_and_addresses_take_turns() -> None:
    database = Database()
    lookups = TokenLookups(database.look_up)

    def find(token: str, address: str, *, is_known: bool = False) -> asyncio.Task[str]:
        return asyncio.create_task(lookups.find(token, address, is_known=is_known))

    flood = [find(f"a{number}", "192.0.2.1") for number in range(MAX_LOOKUPS + 3)]
    await turns()
    first = [f"a{number}" for number in range(MAX_LOOKUPS)]
    assert database.begun == first
    others = [find("b0", "192.0.2.2"), find("b1", "192.0.2.2")]
    known = find("c0", "192.0.2.1", is_known=True)
    await turns()
    assert database.begun == first
    await database.end_all()
    later = [f"a{MAX_LOOKUPS + number}" for number in range(3)]
    assert database.begun[MAX_LOOKUPS:] == ["c0", later[0], "b0", later[1], "b1", later[2]]
    assert await asyncio.gather(*others, known) == ["B0", "B1", "C0"]
    assert len(await asyncio.gather(*flood)) == MAX_LOOKUPS + 3


async def test_a_failed_lookup_lets_the_next_one_run() -> None:
    database = Database()
    lookups = TokenLookups(database.look_up)
    found = [
        asyncio.create_task(lookups.find(f"broken{number}", "192.0.2.1", is_known=False))
        for number in range(2 * MAX_LOOKUPS)
    ]
    await turns()
    await database.end_all()
    answers = await asyncio.gather(*found, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * len(found)
    assert len(database.begun) == len(found)


async def test_a_lookup_that_waits_too_long_is_given_up() -> None:
    database = Database()
    lookups = TokenLookups(database.look_up, timeout_s=0.05)
    found = [
        asyncio.create_task(lookups.find(f"a{number}", "192.0.2.1", is_known=False))
        for number in range(MAX_LOOKUPS + 1)
    ]
    answers = await asyncio.gather(*found, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * len(found)
    assert len(database.begun) == MAX_LOOKUPS


async def test_a_cancelled_wait_leaves_its_place_to_others() -> None:
    database = Database()
    lookups = TokenLookups(database.look_up, timeout_s=60)
    running = [
        asyncio.create_task(lookups.find(f"a{number}", "192.0.2.1", is_known=False))
        for number in range(MAX_LOOKUPS + 2)
    ]
    await turns()
    running[0].cancel()
    running[-1].cancel()
    await turns()
    await database.end_all()
    answers = await asyncio.gather(*running, return_exceptions=True)
    cancelled = [isinstance(answer, asyncio.CancelledError) for answer in answers]
    assert cancelled == [True, *[False] * MAX_LOOKUPS, True]
    # The places of all of them are free again.
    again = [
        asyncio.create_task(lookups.find(f"b{number}", "192.0.2.1", is_known=False))
        for number in range(MAX_LOOKUPS)
    ]
    await turns()
    assert database.begun[-MAX_LOOKUPS:] == [f"b{number}" for number in range(MAX_LOOKUPS)]
    await database.end_all()
    assert len(await asyncio.gather(*again)) == MAX_LOOKUPS
