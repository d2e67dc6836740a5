"""Properties of the shares for any sequence of requests, cancellations and ends of statements."""

import asyncio
from collections import Counter
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.database.shares import PoolUser, Shares

CALLERS = ("a", "b", "c", "d")
# From here on two callers leave a connection for a third.
SMALLEST_POOL = 5

# An action: the number of a caller, and whether it asks for a connection, gives one up that it
# waits for, or returns one.
_ACTIONS = st.lists(
    st.tuples(
        st.integers(0, len(CALLERS) - 1), st.sampled_from(("ask", "ask", "ask", "cancel", "return"))
    ),
    max_size=120,
)


class _Model:
    """Callers that use shares, and the invariants that hold after each of their actions."""

    def __init__(self, pool_size: int) -> None:
        self.shares = Shares(pool_size, timeout_s=3600)
        self.held: dict[str, list[PoolUser]] = {name: [] for name in CALLERS}
        self.waiting: dict[str, dict[asyncio.Task[None], PoolUser]] = {name: {} for name in CALLERS}

    @property
    def in_use(self) -> int:
        return sum(map(len, self.held.values()))

    def ask(self, name: str) -> None:
        """Take a connection for another operation of a caller, or wait for it."""
        user = PoolUser(name)
        others = [held for other, held in self.held.items() if other != name and held]
        is_newcomer = not self.held[name]
        if self.shares.take(user):
            if not is_newcomer and others:
                assert self.in_use + 1 < self.shares.pool_size, "the last one is for newcomers"
            self.held[name].append(user)
            return
        assert not is_newcomer, "a caller without a connection does not wait for a share"
        self.waiting[name][asyncio.get_running_loop().create_task(self.shares.wait(user))] = user

    async def settle(self) -> None:
        """Let the requests run that were granted a connection."""
        # A grant is one turn, and the end of its task another.
        for _ in range(3):
            await asyncio.sleep(0)
        for name, tasks in self.waiting.items():
            for task in [task for task in tasks if task.done()]:
                user = tasks.pop(task)
                if not task.cancelled():
                    self.held[name].append(user)

    async def cancel(self, name: str) -> None:
        """Give up the wait of one request of a caller."""
        for task in list(self.waiting[name])[:1]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.waiting[name].pop(task, None)

    def give_back(self, name: str) -> None:
        """End the oldest statement of a caller."""
        if self.held[name]:
            self.shares.free(self.held[name].pop(0))

    def check(self) -> None:
        shares = self.shares
        holding = {name: len(held) for name, held in self.held.items() if held}
        assert shares._in_use == self.in_use
        assert {name: one.in_use for name, one in shares._callers.items()} == holding
        assert all(count <= shares.per_caller for count in holding.values())
        free = shares.pool_size - self.in_use
        if shares.pool_size >= SMALLEST_POOL and len(holding) <= 2:
            assert free >= 1, "a third caller would have to wait"
        # Nobody waits without need.
        for name, tasks in self.waiting.items():
            if tasks:
                is_alone = len(holding) == 1
                assert name in holding
                assert holding[name] >= (shares.per_caller if is_alone else free) or (
                    holding[name] >= shares.per_caller
                )


@settings(max_examples=300, deadline=None)
@given(pool_size=st.integers(1, 24), actions=_ACTIONS)
def test_shares_are_bounded_and_leave_a_connection_for_a_third_caller(
    pool_size: int, actions: list[tuple[int, str]]
) -> None:
    asyncio.run(_run(pool_size, actions))


async def _run(pool_size: int, actions: list[tuple[int, str]]) -> None:
    model = _Model(pool_size)
    for number, action in actions:
        name = CALLERS[number]
        match action:
            case "ask":
                model.ask(name)
            case "cancel":
                await model.cancel(name)
            case _:
                model.give_back(name)
        await model.settle()
        model.check()
    # Everything that was taken can be returned, and nothing remains.
    while any(model.held.values()) or any(model.waiting.values()):
        for name in CALLERS:
            model.give_back(name)
            await model.settle()
            model.check()
    assert not model.shares._callers
    assert not model.shares._waiting
    assert model.shares._in_use == model.shares.waiting == 0


async def test_the_connections_of_a_caller_that_has_many_go_to_those_that_have_fewest() -> None:
    model = _Model(10)
    for _ in range(20):
        model.ask("a")
    for _ in range(20):
        model.ask("b")
    await model.settle()
    assert Counter({name: len(held) for name, held in model.held.items()}) == {
        "a": 7,
        "b": 2,
        "c": 0,
        "d": 0,
    }
    model.ask("c")
    for _ in range(5):
        model.give_back("a")
        await model.settle()
        model.check()
    assert [len(model.held[name]) for name in "abc"] == [3, 3, 1]
    for tasks in model.waiting.values():
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
