"""The README's examples answer what it says they answer, and its lists are those of the code."""

import ast
import json
import os
import re
import shutil
import subprocess
from http import HTTPMethod
from pathlib import Path
from typing import Any

import pytest

from tests.app.service import running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What is made anew each time.
FRESH = {"reference", "endCursor", "durationMs", "request_id"}
# Upper case in what serves GraphQL, but no code that a client is told.
NO_CODES = {*HTTPMethod, "WEBSOCKET", "BOM", "CLIENT_GONE", "LARGE_BYTES", "MAX_ACCEPT_LENGTH"}
# What is refused there has not come to GraphQL: it is answered with a problem document.
BEFORE_GRAPHQL = {"connection.py", "host.py", "refusal.py"}


def chapter(heading: str) -> str:
    """Return the text from a heading to the next one of its kind."""
    return README.partition(f"\n{heading}\n")[2].partition(f"\n{heading.split(maxsplit=1)[0]} ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def answers(text: str) -> list[Any]:
    """Return the JSON values that follow each other in a text, without what is made anew."""
    found = []
    # The README breaks lines where JSON would not, between words too.
    text = re.sub(r"(?<=\w)\n(?=\w)", " ", text).replace("\n", "")
    while text:
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(lasting(value))
        text = text[end:]
    return found


def lasting(value: Any) -> Any:
    match value:
        case dict():
            return {name: name in FRESH or lasting(one) for name, one in value.items()}
        case list():
            return [lasting(one) for one in value]
        case _:
            return value


def test_the_examples_of_the_api_answer_what_the_readme_says(
    tmp_path: Path, empty_database_url: str
) -> None:
    if shutil.which("curl") is None and not os.environ.get("CI"):
        pytest.skip("needs curl")
    # What clients are configured with is nothing that is answered.
    text = chapter("## The API by example").replace(chapter("### Typed clients"), "")
    # The one that listens does not end by itself.
    typed = "".join(block for block in blocks(text, "sh") if "text/event-stream" not in block)
    told = answers("".join(blocks(text, "json")))
    with running(cwd=tmp_path, DATABASE_URL=empty_database_url) as service:
        done = subprocess.run(
            ["sh", "-eu"],  # noqa: S607  # the one that the reader has
            input=typed.replace("http://127.0.0.1:4040", service.url),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    assert len(told) > 5
    assert answers(done.stdout) == told


def test_the_configurations_of_clients_are_those_that_are_tested() -> None:
    """Each stands under a link to its file, which may be indented more and hold more than it."""
    text = chapter("### Typed clients")
    linked = re.findall(
        r"\((tests/clients/\S+)\)(?:(?!```).)*```\w+\n(.*?)```", text, flags=re.DOTALL
    )
    assert len(linked) == len(blocks(text, r"\w+")) == 5
    for file, configuration in linked:
        assert without_indents(configuration) in without_indents((ROOT / file).read_text("utf-8"))


def without_indents(text: str) -> str:
    return re.sub(r"^ +", "", text, flags=re.MULTILINE)


def test_the_codes_of_errors_are_those_that_the_code_knows() -> None:
    listed = re.findall(r"^\| (`.*?`) \|", chapter("### Errors"), flags=re.MULTILINE)
    assert set(re.findall(r"[A-Z_]+", " ".join(listed))) == codes()


def codes() -> set[str]:
    """Return what stands in upper case in the sources of what serves GraphQL."""
    files = [*(ROOT / "app" / "graphql").glob("*.py"), *(ROOT / "app" / "http").glob("*.py")]
    texts = [file.read_text("utf-8") for file in files if file.name not in BEFORE_GRAPHQL]
    nodes = (node for text in texts for node in ast.walk(ast.parse(text)))
    words = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return {word for word in words if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", word)} - NO_CODES
