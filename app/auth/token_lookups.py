"""Lookups of API tokens in the database, a few at a time.

A lookup precedes authentication, so it belongs to no caller. Without a limit, clients that send
invented tokens over a thousand connections could occupy all connections to the database.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from engine.database.errors import DatabaseUnavailable

__all__ = ["TokenLookups"]

# Lookups at once: the reserve of the pool, and as many of its other connections.
MAX_LOOKUPS = 4
# The time limit of a request starts later, and checks of open subscriptions have none.
TIMEOUT_S = 5.0

_Found = TypeVar("_Found")


class TokenLookups(Generic[_Found]):
    """Runs lookups of tokens: those that were valid before first, then addresses in turns.

    Requests with the same token share a lookup.
    """

    def __init__(
        self,
        look_up: Callable[[str], Coroutine[Any, Any, _Found]],
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._look_up = look_up
        self._timeout_s = timeout_s
        self._running = 0
        self._by_token: dict[str, asyncio.Task[_Found]] = {}
        self._known: deque[asyncio.Future[None]] = deque()
        # By address, in order of their turns.
        self._unknown: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def find(self, token: str, address: str, *, is_known: bool) -> _Found:
        """Return the result of the lookup; raises its errors, and DatabaseUnavailable in time."""
        lookup = self._by_token.get(token)
        if lookup is None:
            lookup = asyncio.create_task(self._run(token, address, is_known=is_known))
            self._by_token[token] = lookup
            lookup.add_done_callback(lambda _: self._by_token.pop(token))
        # A request that is cancelled does not end the lookup of the others.
        return await asyncio.shield(lookup)

    async def _run(self, token: str, address: str, *, is_known: bool) -> _Found:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._acquire(address, is_known=is_known)
                try:
                    return await self._look_up(token)
                finally:
                    self._release()
        except TimeoutError as error:
            raise DatabaseUnavailable("the lookup of an API token timed out") from error

    async def _acquire(self, address: str, *, is_known: bool) -> None:
        if self._running < MAX_LOOKUPS:
            self._running += 1
            return
        turn = asyncio.get_running_loop().create_future()
        turns = self._known if is_known else self._unknown.setdefault(address, deque())
        turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        """Let the next lookup run."""
        turn = self._next()
        if turn is None:
            self._running -= 1
        else:
            turn.set_result(None)

    def _next(self) -> "asyncio.Future[None] | None":
        """Remove and return the next lookup whose time limit has not expired."""
        while self._known:
            turn = self._known.popleft()
            if not turn.done():
                return turn
        while self._unknown:
            address, turns = next(iter(self._unknown.items()))
            turn = turns.popleft()
            if turns:
                self._unknown.move_to_end(address)
            else:
                del self._unknown[address]
            if not turn.done():
                return turn
        return None
