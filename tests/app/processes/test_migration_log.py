"""The log of a server and of a worker that migrate the database."""

import json
from pathlib import Path
from typing import Any

from app.database.migrations import EXPECTED_VERSION, VERSIONS
from tests.app.service import running
from tests.ops.processes import running_processes
from tests.waiting import until


def check(event: dict[str, Any]) -> None:
    assert (event["schema_version_before"], event["schema_version"]) == (None, EXPECTED_VERSION)
    assert event["applied"] == list(VERSIONS)
    assert event["duration_s"] > 0


def test_a_server_logs_a_migration_once(tmp_path: Path, empty_database_url: str) -> None:
    found = []
    for _ in range(2):
        with running(cwd=tmp_path, DATABASE_URL=empty_database_url) as service:
            found += [
                one for one in service.startup_events if one["message"] == "database migrated"
            ]
    [event] = found
    check(event)


async def test_a_worker_logs_a_migration(tmp_path: Path, empty_database_url: str) -> None:
    settings = {"DATABASE_URL": empty_database_url, "LOG_LEVEL": "info"}
    async with running_processes(tmp_path, servers=0, workers=1, **settings) as group:
        [worker] = group.workers

        def migrated() -> list[dict[str, Any]]:
            assert not worker.has_ended, worker.log_file.read_text()
            lines = worker.log_file.read_text().splitlines(keepends=True)
            # The last one can be incomplete.
            events = [json.loads(line) for line in lines if line.endswith("\n")]
            return [one for one in events if one["message"] == "database migrated"]

        [event] = await until(migrated)
    check(event)
