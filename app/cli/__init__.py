"""`ticketops`, the door for people: one module a command.

A command's module says what it takes, and imports what it needs only when it is
run, so that `ticketops --help` answers at once. What a person must mend is one
line, with a hint, and exit status 2.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from app import __version__
from app.cli import migrate, ops_simulator, schema, seed, serve, settings, token, worker
from app.errors import CommandError

COMMANDS = (serve, worker, migrate, seed, schema, settings, token, ops_simulator)
REFUSED = 2
# What a shell gives a command that Ctrl-C ended: 128 and the number of the signal.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
    except CommandError as trouble:
        sys.stdout.flush()
        print(f"ticketops: {trouble}", file=sys.stderr)
        if trouble.hint:
            print(f"  {trouble.hint}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read us has read enough, like `head`. Python must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ticketops",
        description="Support tickets over GraphQL and REST, and their way to OPS.",
        epilog="Every setting is an environment variable too: see `ticketops settings`.",
    )
    parser.add_argument("--version", action="version", version=f"ticketops {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
