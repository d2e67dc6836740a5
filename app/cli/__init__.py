"""The `ticketops` command line: one module per command.

A command's module declares its arguments in `add` and imports what it needs in `run`, so that
`ticketops --help` is fast. A failure that the user can fix is a `CommandError`: one line on
stderr, a hint, and exit status 2. `flags` reads the settings of a command.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from app import __version__
from app.cli import migrate, ops_simulator, schema, seed, serve, settings, token, worker
from app.errors import CommandError

COMMANDS = (serve, worker, migrate, seed, schema, settings, token, ops_simulator)
EXIT_ERROR = 2
# The exit status of a command that Ctrl-C ended: 128 plus the number of the signal.
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except CommandError as error:
        sys.stdout.flush()
        print(f"ticketops: {error}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of the output, like `head`, has closed it. Python would flush it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except Exception as error:
        message = _database_message(error)
        if message is None:
            raise
        sys.stdout.flush()
        print(f"ticketops: {message}", file=sys.stderr)
        return EXIT_ERROR
    return status


def _database_message(error: Exception) -> str | None:
    """Return the message for an error of PostgreSQL or of its connection; None for all others."""
    # Without the drivers no command has connected; importing them takes long.
    if "tortoise" not in sys.modules:
        return None
    from engine.database.errors import database_message

    return database_message(error)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="ticketops",
        description="Support tickets over GraphQL and REST, and their delivery to OPS.",
        epilog="Settings are environment variables; `ticketops settings` lists them.",
    )
    parser.add_argument("--version", action="version", version=f"ticketops {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
