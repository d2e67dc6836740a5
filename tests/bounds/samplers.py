"""Threads that sample a running server while a hostile input runs."""

import http.client
import threading
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import orjson
import psutil

__all__ = ["MemorySampler", "Probe"]

PROBE_BODY = orjson.dumps({"query": "{viewer{name}}"})
PROBE_INTERVAL_S = 0.005
MEMORY_INTERVAL_S = 0.01


class _Sampler:
    """A thread that takes samples until the end of the block."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.sample()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()
        self.sample()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            self.sample()

    def sample(self) -> None:
        """Take one sample."""
        raise NotImplementedError


class Probe(_Sampler):
    """Another client, which sends a light request over a new connection each time."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float) -> None:
        super().__init__(PROBE_INTERVAL_S)
        self._address = urlsplit(url).netloc
        self._headers = {**headers, "Content-Type": "application/json", "Connection": "close"}
        self._timeout_s = timeout_s
        self.requests = 0
        self.longest_s = 0.0
        # The requests that were not answered with data within the time limit.
        self.failures: list[str] = []

    def sample(self) -> None:
        """Send the light request."""
        started_s = time.monotonic()
        connection = http.client.HTTPConnection(self._address, timeout=self._timeout_s)
        try:
            connection.request("POST", "/graphql", PROBE_BODY, self._headers)
            response = connection.getresponse()
            content = response.read()
            if response.status != 200 or b'"errors"' in content:
                self.failures.append(f"{response.status} {content[:200]!r}")
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()
        self.requests += 1
        self.longest_s = max(self.longest_s, time.monotonic() - started_s)


class MemorySampler(_Sampler):
    """Resident memory of a process: at the beginning, the end, and the highest in between."""

    def __init__(self, process_id: int) -> None:
        super().__init__(MEMORY_INTERVAL_S)
        self._process = psutil.Process(process_id)
        self.samples_bytes: list[int] = []

    def sample(self) -> None:
        """Read the resident memory."""
        self.samples_bytes.append(self._process.memory_info().rss)
