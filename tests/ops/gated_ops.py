"""An OPS client whose calls wait until the test responds to them."""

import asyncio
from dataclasses import dataclass, field

from ops.clients.protocol import Accepted, OpsFailure, StatusReport

__all__ = ["GatedOps", "WaitingCall"]


@dataclass(eq=False)
class WaitingCall:
    """A call without a response yet."""

    key: str
    attempt: int
    answer: asyncio.Future[Accepted | OpsFailure]


@dataclass
class GatedOps:
    """An OPS client that keeps waiting calls in their order."""

    waiting: list[WaitingCall] = field(default_factory=list)

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Wait for the response of the test."""
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
        """Raise NotImplementedError."""
        raise NotImplementedError(reference)

    async def close(self) -> None:
        """Do nothing."""
