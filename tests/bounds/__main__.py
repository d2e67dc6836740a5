"""Send every hostile input to a server, and print the measured table of SECURITY.md."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.database.embedded import EmbeddedPostgres
from tests.bounds.harness import MIB, Target, serving
from tests.bounds.inputs import INPUTS
from tests.bounds.inputs.hostile_input import HostileInput, named_setting
from tests.conftest import empty_database
from tests.superuser import superuser_options, superuser_url

HEAD = (
    "| input | answer | longest turn | longest wait | memory, peak | kept | active backends |",
    "|---|---|---:|---:|---:|---:|---:|",
)

REPEATED_S = 1.0


def main() -> None:
    """Measure the inputs whose names contain a text, or all, and print a row of each."""
    options = argparse.ArgumentParser(prog="python -m tests.bounds", description=__doc__)
    options.add_argument("text", nargs="?", default="", help="only inputs whose names contain it")
    given = options.parse_args()
    print(*HEAD, sep="\n")  # noqa: T201  # the result of the command
    with _postgres() as server_url, ExitStack() as stack:
        os.environ["TEST_DATABASE_URL"] = server_url
        shared: Target | None = None
        for one in INPUTS:
            if given.text not in one.name:
                continue
            with ExitStack() as own:
                if one.needs_own_server:
                    target = own.enter_context(_server(own.enter_context(one.given_settings())))
                else:
                    shared = shared or stack.enter_context(_server({}))
                    target = shared
                print(_row(one, target), flush=True)  # noqa: T201  # as above


@contextmanager
def _postgres() -> Iterator[str]:
    """Run an embedded PostgreSQL, with the options of production, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="ticketops-bounds-") as folder:
        data_dir = Path(folder)
        with EmbeddedPostgres(data_dir, options=superuser_options(data_dir)) as url:
            yield superuser_url(url)


@contextmanager
def _server(settings: Mapping[str, str]) -> Iterator[Target]:
    """Run a server on a database of its own."""
    with (
        asyncio.Runner() as runner,
        tempfile.TemporaryDirectory(prefix="ticketops-bounds-") as folder,
    ):
        database = empty_database()
        url = runner.run(database.__aenter__())
        with serving(Path(folder), url, **settings) as target:
            yield target
        runner.run(database.__aexit__(None, None, None))


def _row(one: HostileInput, target: Target) -> str:
    if one.prepare:
        one.prepare(target)
    with target.measured() as measuring:
        ends_at = time.monotonic() + REPEATED_S
        answer = one.send(target)
        # Many short requests of the other client, at every moment of the input.
        while time.monotonic() < ends_at:
            answer = one.send(target)
    measured = measuring.result
    setting = named_setting(answer)
    expected = (answer.status, answer.code, setting) == (one.status, one.code, one.setting)
    failed = f" ({len(measured.failures)} failed)" if measured.failures else ""
    cells = (
        one.name,
        f"{answer}{f' ({setting})' if setting else ''}{'' if expected else ' UNEXPECTED'}",
        f"{measured.longest_turn_s * 1000:.0f} ms",
        f"{measured.longest_s * 1000:.0f} ms{failed}",
        f"{measured.peak_growth_bytes / MIB:+.0f} MiB",
        f"{measured.kept_bytes / MIB:+.0f} MiB",
        str(measured.active_backends),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
