"""The examples of a page, run in order against a server of their own."""

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.app.service import environment
from tests.clients.conftest import missing, only_one
from tests.clients.project import HERE as CLIENTS
from tests.clients.project import install_npm, install_pip
from tests.docs.expected import json_values, same_json, same_text
from tests.docs.markdown import ROOT, Block, Page
from tests.docs.session import Session

__all__ = ["EXECUTED", "checkout", "run_page"]

COMMANDS = ("sh", "console")
EXECUTED = (*COMMANDS, "graphql")
# Files that a fresh clone does not have, and large ones that no example needs.
_LEFT_OUT = (
    ".data",
    ".env",
    ".git",
    ".coverage*",
    ".*cache",
    "__pycache__",
    "node_modules",
    "static",
)
_SET_UP_FROM = (
    "requirements.lock",
    "tests/requirements.lock",
    "pyproject.toml",
    "app/graphiql/packages.toml",
)
# Commands that change the set-up, or run the tests themselves.
_FORBIDDEN = re.compile(
    r"\bmake (?!serve\b)\w+|\baerich\b|\bapt(-get)?\b|\bdocker\b|\bgit \w+|\.ci/run"
)
_OPEN_STREAM_S = 0.5


def checkout(folder: Path) -> Path:
    """Make a folder with a copy of the sources, as in a fresh clone, and with the set-up."""
    shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT, ".venv"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in _SET_UP_FROM:
        # Older than the set-up, so that `make` does not install into it from this copy.
        os.utime(folder / name, (0, 0))
    return folder


def run_page(page: Page, folder: Path, database_url: str) -> int:
    """Run all examples of a page, and return their number; an AssertionError names the block."""
    if shutil.which("curl") is None:
        missing("no curl on this machine (on Debian: apt install curl)")
    runner = _Runner(page, folder, database_url)
    with runner.session:
        for block in page.blocks:
            try:
                runner.run(block)
            except AssertionError as error:
                raise AssertionError(f"{page.name}:{block.line}: {error}") from error
    return runner.count


def _has_embedded_database(page: Page) -> bool:
    """Whether a page begins with a fresh clone, whose database is the embedded one, or needs it."""
    return page.path.name == "back-up-and-restore.md" or any(
        block.text == "make serve\n" for block in page.blocks if block.language == "sh"
    )


@dataclass
class _Runner:
    page: Page
    folder: Path
    database_url: str
    session: Session = field(init=False)
    count: int = 0
    # The output of the last commands, and the answer to the last operation.
    output: str = ""
    operation: str = ""

    def __post_init__(self) -> None:
        given = {"PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}
        if not _has_embedded_database(self.page):
            given["DATABASE_URL"] = self.database_url
        environ = environment(given)
        environ.pop("CI", None)
        self.session = Session(checkout(self.folder), environ)

    def run(self, block: Block) -> None:
        """Run one block, or compare it, as its language and its comment say."""
        match block.treatment:
            case "file":
                self.write(block)
            case "replaced in tests":
                _REPLACEMENTS[block.argument](self.session.folder())
            case "":
                self.run_untreated(block)

    def run_untreated(self, block: Block) -> None:
        if "output" in block.options:
            self.compare(block)
        elif "variables" in block.options:
            self.output = self.execute(self.operation, json.loads(block.text))
        elif block.language in EXECUTED:
            forbidden = _FORBIDDEN.search(block.text) if block.language in COMMANDS else None
            assert forbidden is None, f"{forbidden} is not run by tests: say so in a comment"
            self.start_server(block)
            {"sh": self.run_sh, "console": self.run_console, "graphql": self.run_graphql}[
                block.language
            ](block)

    def write(self, block: Block) -> None:
        file = self.session.folder() / block.argument
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.session.translated(block.text), "utf-8")

    def run_sh(self, block: Block) -> None:
        self.output = self.session.run(block.text)
        self.count += 1

    def run_console(self, block: Block) -> None:
        for command, shown in console_commands(block.text):
            output = self.session.run(command)
            assert same_text(shown, output), _difference(shown, output)
            self.count += 1

    def run_graphql(self, block: Block) -> None:
        self.operation = block.text
        following = self.page.blocks[self.page.blocks.index(block) + 1 :]
        if not (following and "variables" in following[0].options):
            self.output = self.execute(block.text, {})
        self.count += 1

    def start_server(self, block: Block) -> None:
        """Start a server with default settings on a page that expects one to run."""
        needs_one = block.language == "graphql" or ":4040" in block.text
        starts_one = "serve" in block.text
        if needs_one and not starts_one and not self.session.has_server:
            self.session.run("ticketops serve")

    def execute(self, document: str, variables: dict[str, Any]) -> str:
        """Run an operation and return the text of its result; of a subscription, its beginning."""
        headers = {}
        if token := self.session.variable("TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        body = {"query": document, "variables": variables}
        url = f"{self.session.url}/graphql"
        if document.lstrip().startswith("subscription"):
            headers["Accept"] = "text/event-stream"
            return _beginning_of_stream(url, body, headers)
        response = httpx2.post(url, json=body, headers=headers, timeout=30)
        return response.text

    def compare(self, block: Block) -> None:
        """Compare a block with the output of the commands or the operation before it."""
        if block.language == "json":
            shown, real = json_values(block.text), json_values(self.output)
            assert same_json(shown, real), _difference(block.text, self.output)
        else:
            assert same_text(block.text, self.output), _difference(block.text, self.output)


def _beginning_of_stream(url: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    received = ""
    timeout = httpx2.Timeout(30, read=_OPEN_STREAM_S)
    with httpx2.stream("POST", url, json=body, headers=headers, timeout=timeout) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        try:
            for text in response.iter_text():
                received += text
        except httpx2.ReadTimeout:
            # The subscription waits for its next event.
            pass
    assert '"errors"' not in received, received
    return received


def console_commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that is shown."""
    commands: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:], ""))
        elif line.startswith("> ") and commands and not commands[-1][1]:
            commands[-1] = (commands[-1][0] + line[2:], "")
        else:
            command, shown = commands[-1]
            commands[-1] = (command, shown + line)
    return commands


def _difference(shown: str, real: str) -> str:
    return f"the output is not the one that is shown.\nshown:\n{shown}\nreal:\n{real}"


def _npm_packages(folder: Path) -> None:
    """Link the packages that the tests of clients install."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("no Node.js with npm on this machine (on Debian: apt install nodejs npm)")
    with only_one():
        install_npm()
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")


def _ariadne_environment(folder: Path) -> None:
    """Link the environment of ariadne-codegen that the tests of clients install."""
    with only_one():
        programs = install_pip("ariadne")
    (folder / ".venv").symlink_to(programs.parent)


_REPLACEMENTS = {"npm packages": _npm_packages, "ariadne environment": _ariadne_environment}
