"""The `ticketops` command line: one module per command.

A command's module declares its arguments in `add` and imports what it needs in `run`, so that
`ticketops --help` is fast. A failure that the user can fix is a `CommandError`: one line on
stderr, a hint, and exit status 2. `flags` reads the settings of a command.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from app import __version__
from app.cli import (
    backup,
    migrate,
    ops_simulator,
    restore,
    schema,
    seed,
    serve,
    settings,
    token,
    worker,
)
from app.errors import CommandError, reason_of

COMMANDS = (serve, worker, migrate, backup, restore, seed, schema, settings, token, ops_simulator)
EXIT_ERROR = 2
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The exit status of a command that Ctrl-C ended: 128 plus the number of the signal.
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except CommandError as error:
        return _fail(str(error), error.hint)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of the output, like `head`, has closed it.
        _discard(sys.stdout)
        return EXIT_ERROR
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_SPACE:
            return _fail(f"Cannot write: {reason_of(error)}.", "Free some space, then try again.")
        message = _database_message(error)
        if message is None:
            raise
        return _fail(*message)
    return status


def _fail(message: str, hint: str = "") -> int:
    """Print a message and a hint, after what was printed before, and return the exit status."""
    for stream, text in (
        (sys.stdout, ""),
        (sys.stderr, f"ticketops: {message}\n" + (hint and f"  {hint}\n")),
    ):
        # A daemon can have neither of them.
        if stream is None:
            continue
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            # Nothing is left to report it to.
            _discard(stream)
    return EXIT_ERROR


def _discard(stream: TextIO) -> None:
    """Discard the rest of a buffer, which Python would try to write again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _database_message(error: Exception) -> tuple[str, str] | None:
    """Return the message and the hint for an error of the database; None for all others."""
    # Without the drivers no command has connected; importing them takes long.
    if "tortoise" not in sys.modules:
        return None
    from engine.database.errors import READ_ONLY, database_message, sqlstate

    message = database_message(error)
    if message is None:
        return None
    if sqlstate(error) == READ_ONLY:
        hint = "Set DATABASE_URL to the primary, or turn off default_transaction_read_only."
    else:
        hint = "Correct the cause, then try again. The log of PostgreSQL can have details."
    return message, hint


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
