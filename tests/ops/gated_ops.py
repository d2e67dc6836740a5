"""An OPS whose calls wait until a test answers them, one by one."""

import asyncio
from dataclasses import dataclass, field

from ops.clients.protocol import Accepted, OpsFailure, StatusReport

__all__ = ["GatedOps", "WaitingCall"]


@dataclass(eq=False)
class WaitingCall:
    """A call that OPS has not answered yet."""

    key: str
    attempt: int
    answer: asyncio.Future[Accepted | OpsFailure]


@dataclass
class GatedOps:
    """Keeps the calls in the order in which they came."""

    waiting: list[WaitingCall] = field(default_factory=list)

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Wait for the answer."""
        del payload
        call = WaitingCall(key, attempt, asyncio.get_running_loop().create_future())
        self.waiting.append(call)
        try:
            answer = await call.answer
        finally:
            self.waiting.remove(call)
        if isinstance(answer, OpsFailure):
            raise answer
        return answer

    async def status(self, reference: str) -> StatusReport:
        """Know nothing."""
        raise NotImplementedError(reference)

    async def close(self) -> None:
        """Hold nothing."""
