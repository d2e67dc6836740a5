"""The README's examples, typed as they stand there, answer what it says they answer."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.app.service import running

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# What is made anew each time.
FRESH = {"reference", "endCursor", "durationMs", "request_id"}


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
    text = chapter("## The API by example")
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
