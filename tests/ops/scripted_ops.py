"""An OPS client with scripted responses that records its calls."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from models import OpsRemoteStatus
from ops.clients.protocol import Accepted, FailureKind, Json, OpsFailure, StatusReport

__all__ = ["Call", "ScriptedOps", "accepted", "failed"]


@dataclass(frozen=True)
class Call:
    """One recorded call."""

    payload: str
    key: str
    attempt: int


def accepted(reference: str = "R-1", response: Json = None) -> Accepted:
    """Return the result of an accepted ticket."""
    answer: Json = {"reference": reference}
    return Accepted(reference, OpsRemoteStatus.RECEIVED, answer if response is None else response)


def failed(kind: FailureKind = FailureKind.UNAVAILABLE, **options: object) -> OpsFailure:
    """Return a failure."""
    return OpsFailure(kind, f"OPS said {kind.value}", **options)  # type: ignore[arg-type]  # as OpsFailure takes them


@dataclass
class ScriptedOps:
    """An OPS client that returns its results in order, the last one again and again.

    Calls wait while the gate is closed.
    """

    answers: Iterable[Accepted | StatusReport | Exception] = ()
    calls: list[Call] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def __post_init__(self) -> None:
        self._script = list(self.answers) or [accepted()]
        self.gate.set()

    async def submit(self, payload: str, *, key: str, attempt: int) -> Accepted:
        """Return the next result of the script."""
        self.calls.append(Call(payload, key, attempt))
        answer = await self._next()
        assert isinstance(answer, Accepted)
        return answer

    async def status(self, reference: str) -> StatusReport:
        """Return the next result of the script."""
        del reference
        answer = await self._next()
        assert isinstance(answer, StatusReport)
        return answer

    async def close(self) -> None:
        """Record that the client was closed."""
        self.closed = True

    async def _next(self) -> Accepted | StatusReport:
        answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        self.called.set()
        await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer
