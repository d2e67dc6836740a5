"""Reference page of the command line."""

import argparse
from collections.abc import Iterator

from app.cli import build_parser
from app.reference.markdown import code, page, table

__all__ = ["cli_page"]

INTRODUCTION = """\
`ticketops COMMAND --help` prints the same information. Every flag named like a
[setting](settings.md) overrides it.

| Exit status | Meaning |
| --- | --- |
| 0 | The command succeeded. |
| 1 | `ticketops schema check` found a problem, or `ticketops migrate --check` pending migrations. |
| 2 | The command failed; stderr says what happened and what to do. |
| 130 | Ctrl-C ended the command. |"""


def cli_page() -> str:
    """Return the page: a section per command."""
    sections = [
        _section(parser)
        for parser in _commands(build_parser())
        if parser.get_default("run") is not None
    ]
    return page("Command line", INTRODUCTION, *sections)


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all commands, including nested ones."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no public list of arguments
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # as above
            for command in action.choices.values():
                yield command
                yield from _commands(command)


def _section(parser: argparse.ArgumentParser) -> str:
    arguments = [
        action
        for action in parser._actions  # noqa: SLF001  # argparse has no public list of arguments
        if not isinstance(action, argparse._HelpAction)  # noqa: SLF001  # as above
    ]
    parts = [f"## {parser.prog}", parser.description or ""]
    if arguments:
        parts.append(table(("Argument", "Description"), map(_row, arguments)))
    return "\n\n".join(parts)


def _row(action: argparse.Action) -> tuple[str, str]:
    names = action.option_strings or [""]
    is_flag = action.nargs == 0
    usages = (name if is_flag else f"{name} {action.metavar}".strip() for name in names)
    description = (action.help or "").replace("%%", "%")
    return ", ".join(map(code, usages)), f"{description[:1].upper()}{description[1:]}."
