"""Reads of a caller that never miss its own changes, on a replica where possible."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.database.errors import DATABASE_ERRORS, DatabaseUnavailable
from engine.database.positions import (
    START,
    UNKNOWN_TEXT,
    ParsedPosition,
    Position,
    parse_position,
    position_text,
)
from engine.database.replica_read import ReplicaRead, replica_read
from engine.database.replicas import FALLBACKS, READS, Replicas
from engine.database.shares import count_as, pool_user

__all__ = ["CallerReads"]

_Result = TypeVar("_Result")
_NONE_SENT = ParsedPosition({}, is_unknown=False)


class CallerReads:
    """Runs the operations of one request, on behalf of a caller.

    ``sent`` is the position that the client received for its last change, perhaps from another
    server: `positions` describes it. If a part of it is not a valid position, the position counts
    as unknown. That of another system is ignored, because the change was made in another database.
    """

    __slots__ = ("_caller", "_replicas", "_sent", "position")

    def __init__(self, replicas: Replicas, caller: str, sent: str | None) -> None:
        self._replicas = replicas
        self._caller = caller
        self._sent = _NONE_SENT if sent is None else parse_position(sent)
        # For the client, after `write`; empty before.
        self.position = ""

    def add_sent(self, text: str) -> None:
        """Add a position that the client sent in another place."""
        parsed = parse_position(text)
        positions = self._sent.positions
        for system, position in parsed.positions.items():
            positions = {**positions, system: max(position, positions.get(system, START))}
        is_unknown = self._sent.is_unknown or parsed.is_unknown
        self._sent = ParsedPosition(positions, is_unknown=is_unknown)

    async def read(self, run: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run an operation that only reads, on one server.

        It runs on the primary if no replica has replayed the caller's last change, and again there
        if a statement fails on the replica.
        """
        position = self._required()
        replica = None
        if position is None:
            FALLBACKS["position"] += 1
        else:
            replica = await self._replicas.choose(position)
        if replica is None:
            READS["primary"] += 1
            return await run()
        read = ReplicaRead(replica.pool)
        token = replica_read.set(read)
        try:
            result = await run()
        except Exception:
            if read.failure is None:
                raise
        else:
            if read.failure is None:
                READS["replica"] += 1
                return result
        finally:
            replica_read.reset(token)
        FALLBACKS["failed"] += 1
        READS["primary"] += 1
        # Another share: connections of the replica may still count for the former one.
        user = pool_user.get()
        if user is not None:
            count_as(user.caller)
        return await run()

    async def write(self, run: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run an operation on the primary that perhaps changes something; note its position.

        An operation that fails can have made a change before.
        """
        try:
            result = await run()
        except Exception:
            await self._note_position()
            raise
        except BaseException:
            self._note_unknown()
            raise
        await self._note_position()
        return result

    async def _note_position(self) -> None:
        """Note that everything up to the current position may be a change of the caller."""
        replicas = self._replicas
        try:
            position = await replicas.current_position()
        except (DatabaseUnavailable, *DATABASE_ERRORS):
            # The change is made all the same.
            self._note_unknown()
        except BaseException:
            self._note_unknown()
            raise
        else:
            replicas.callers.add(self._caller, position)
            self.position = position_text(replicas.system or 0, position)

    def _note_unknown(self) -> None:
        self._replicas.callers.add_unknown(self._caller)
        self.position = UNKNOWN_TEXT

    def _required(self) -> Position | None:
        """Return the position that a replica must have replayed; None for the primary only."""
        known = self._replicas.callers.get(self._caller)
        sent = self._sent
        if known is None or sent.is_unknown:
            return None
        if not sent.positions:
            return known
        if self._replicas.system is None:
            return None
        system = self._replicas.system & 0xFFFF_FFFF_FFFF_FFFF
        return max(known, sent.positions.get(system, START))
