"""Long work on the event loop, in steps between which other requests run.

Work whose time is proportional to its input stops between its steps if the current turn of the
event loop is used up:

    if is_turn_used():
        await next_turn()

Of all work that waits, one step runs in each turn of the event loop. Callers take turns, so that
one with many requests does not delay the others.

Work that creates many objects, and waits for nothing but its turns, ends before other work of its
caller begins:

    if is_turn_used(begins=True):
        await next_turn()
    ...
    if is_turn_used():
        await next_turn(continues=True)
"""

import asyncio
import time
from collections import OrderedDict, deque

from engine.database.shares import pool_user

__all__ = ["has_waiting_work", "is_turn_used", "must_pause", "next_turn", "pause"]

# Steps that run in one turn of the event loop, except the last one.
MAX_TURN_S = 0.005
# Work that takes less does not wait for a turn.
SHORT_S = 0.002


class _Turns:
    """The turns of one event loop, and the work that waits for one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # When the first step of this turn started.
        self._started_s = 0.0
        # Whether `_begin` will run in the next turn.
        self._is_scheduled = False
        # By caller; those whose turn comes next are first.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        # The caller whose steps run in these turns, and since when.
        self._caller = ""
        self._caller_since_s = 0.0
        # The work whose step runs next.
        self._resumed: asyncio.Future[None] | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether work waits for its turn."""
        return bool(self._waiting)

    def is_used(self, *, begins: bool) -> bool:
        """Return whether no step may start in this turn any more."""
        now_s = time.perf_counter()
        if not self._is_scheduled:
            self._started_s = now_s
            self._schedule()
            return False
        if now_s - self._started_s > MAX_TURN_S or self._resumed is not None:
            return True
        if not self._waiting:
            return False
        caller = _caller()
        # While others wait, only the caller whose turn it is may continue.
        return caller != self._caller or (begins and caller in self._waiting)

    async def wait(self, *, continues: bool) -> None:
        """Wait until a step of this work may run."""
        turn = self.loop.create_future()
        turns = self._waiting.setdefault(_caller(), deque())
        if continues:
            turns.appendleft(turn)
        else:
            turns.append(turn)
        self._schedule()
        try:
            await turn
        finally:
            if self._resumed is turn:
                self._resumed = None
        self._started_s = time.perf_counter()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Begin a turn: resume the work that waits for the longest time."""
        self._is_scheduled = False
        turn = self._pop()
        if turn is not None:
            self._resumed = turn
            turn.set_result(None)
            # It runs after the step of the resumed work.
            self._schedule()

    def _pop(self) -> "asyncio.Future[None] | None":
        """Remove and return the next work that has not been cancelled.

        A caller keeps its turn for as long as one step may take, so that many short steps are not
        slower than one long step.
        """
        while self._waiting:
            now_s = time.perf_counter()
            is_over = now_s - self._caller_since_s > MAX_TURN_S
            if is_over or self._caller not in self._waiting:
                self._caller, self._caller_since_s = next(iter(self._waiting)), now_s
                self._waiting.move_to_end(self._caller)
            turns = self._waiting[self._caller]
            turn = turns.popleft()
            if not turns:
                del self._waiting[self._caller]
            if not turn.done():
                return turn
        return None


# Of the event loop that was used last; a process has one, and tests have several.
_turns: _Turns | None = None


def is_turn_used(*, begins: bool = False) -> bool:
    """Return whether work must wait for the next turn before its next step.

    Work that ``begins`` also waits while other work of its caller waits.
    """
    return _current().is_used(begins=begins)


def has_waiting_work() -> bool:
    """Return whether work waits for its turn, so that the event loop is busy."""
    return _current().has_waiting


def must_pause(started_s: float) -> bool:
    """Return whether work has turned out to be long, and must wait for the next turn.

    It started at this time of `time.perf_counter`, and is usually short.
    """
    return time.perf_counter() - started_s > SHORT_S and is_turn_used()


async def next_turn(*, continues: bool = False) -> None:
    """Wait until the next step may run, in a later turn of the event loop.

    Work that ``continues`` precedes all other work of its caller.
    """
    await _current().wait(continues=continues)


async def pause() -> None:
    """Wait for the next turn if this one is used up."""
    if is_turn_used():
        await next_turn()


def _caller() -> str:
    user = pool_user.get()
    return "" if user is None else user.caller


def _current() -> _Turns:
    global _turns  # noqa: PLW0603  # one for each event loop, without a look-up in a table
    loop = asyncio.get_running_loop()
    if _turns is None or _turns.loop is not loop:
        _turns = _Turns(loop)
    return _turns
