"""Send every hostile input to a server, and print the measured table of SECURITY.md."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.database.embedded import EmbeddedPostgres
from tests.bounds.harness import MIB, Target, serving
from tests.bounds.inputs import INPUTS
from tests.bounds.inputs.hostile_input import HostileInput, named_setting

HEAD = (
    "| input | answer | longest answer to another client | memory, peak | kept | active backends |",
    "|---|---|---:|---:|---:|---:|",
)


def main() -> None:
    """Measure the inputs whose names contain a text, or all, and print a row of each."""
    options = argparse.ArgumentParser(prog="python -m tests.bounds", description=__doc__)
    options.add_argument("text", nargs="?", default="", help="only inputs whose names contain it")
    given = options.parse_args()
    print(*HEAD, sep="\n")  # noqa: T201  # the result of the command
    with tempfile.TemporaryDirectory(prefix="ticketops-bounds-") as folder, ExitStack() as stack:
        shared: Target | None = None
        for number, one in enumerate(INPUTS):
            if given.text not in one.name:
                continue
            if not one.needs_own_server and shared is None:
                shared = stack.enter_context(_server(Path(folder) / "shared"))
            with ExitStack() as own:
                target = shared
                if one.needs_own_server or target is None:
                    settings = own.enter_context(one.given_settings())
                    target = own.enter_context(_server(Path(folder) / f"own{number}", **settings))
                print(_row(one, target), flush=True)  # noqa: T201  # as above


@contextmanager
def _server(folder: Path, **settings: str) -> Iterator[Target]:
    folder.mkdir()
    with EmbeddedPostgres(folder / "data") as url, serving(folder, url, **settings) as target:
        yield target


def _row(one: HostileInput, target: Target) -> str:
    if one.prepare:
        one.prepare(target)
    with target.measured() as measuring:
        answer = one.send(target)
    measured = measuring.result
    setting = named_setting(answer)
    expected = (answer.status, answer.code, setting) == (one.status, one.code, one.setting)
    failed = f" ({len(measured.failures)} failed)" if measured.failures else ""
    cells = (
        one.name,
        f"{answer}{f' ({setting})' if setting else ''}{'' if expected else ' UNEXPECTED'}",
        f"{measured.longest_s * 1000:.0f} ms{failed}",
        f"{measured.peak_growth_bytes / MIB:+.0f} MiB",
        f"{measured.kept_bytes / MIB:+.0f} MiB",
        str(measured.active_backends),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
