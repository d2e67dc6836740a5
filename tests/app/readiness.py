"""The answers of /readyz, in two parts: what they say, and facts that vary."""

from typing import Any

import httpx2

__all__ = ["facts_of", "readiness"]

_FACTS = ("database", "pool", "replicas")


def readiness(response: httpx2.Response) -> dict[str, Any]:
    """Return the status, with what is missing and why."""
    answer: dict[str, Any] = response.json()
    return {name: value for name, value in answer.items() if name not in _FACTS}


def facts_of(response: httpx2.Response) -> dict[str, Any]:
    """Return the facts of the database, the pool and the replicas."""
    answer: dict[str, Any] = response.json()
    return {name: answer[name] for name in _FACTS if name in answer}
