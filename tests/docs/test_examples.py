"""Every command and every GraphQL document of the documentation works as shown."""

import ast
import json
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.docs.examples import EXECUTED, run_page
from tests.docs.expected import same_json, same_text
from tests.docs.markdown import PAGES, ROOT, Block, Page

# Blocks that need what a test does not have, such as Docker or a name in the DNS.
MAX_NOT_RUN = 26
# Languages whose blocks are always run, compared with a tested file, or excused.
TESTED = (*EXECUTED, "js", "ts", "toml", "yaml", "ini")

BLOCKS = [(page, block) for page in PAGES for block in page.blocks]
WITH_EXAMPLES = [
    page
    for page in PAGES
    if any(
        block.language in EXECUTED and block.treatment not in {"not run", "run by"}
        for block in page.blocks
    )
]


def place(page: Page, block: Block) -> str:
    return f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page_work_as_shown(
    page: Page,
    empty_database_url: str,
    record_property: Callable[[str, str], None],
) -> None:
    # Not tmp_path, which is too long for the path of a socket.
    with tempfile.TemporaryDirectory(prefix="ticketops-docs-") as folder:
        count = run_page(page, Path(folder) / "checkout", empty_database_url)
    record_property("figure", f"Documentation: {count} examples of {page.name} run, 0 failures")


def test_every_graphql_document_is_valid_unless_it_shows_an_error() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
    documents = [(page, block) for page, block in BLOCKS if block.language == "graphql"]
    wrong = [
        f"{place(page, block)}: {error.message}"
        for page, block in documents
        if "invalid" not in block.options
        for error in validate(schema, parse(block.text))
    ]
    assert wrong == []
    invalid = [block for _, block in documents if "invalid" in block.options]
    assert all(validate(schema, parse(block.text)) for block in invalid)


def test_every_block_is_tested_or_says_why_not() -> None:
    untested = [
        place(page, block)
        for page, block in BLOCKS
        if block.language in TESTED and block.language not in EXECUTED and not block.treatment
    ]
    assert untested == []


def test_every_block_that_is_not_run_has_a_reason(
    record_property: Callable[[str, str], None],
) -> None:
    not_run = [(page, block) for page, block in BLOCKS if block.treatment == "not run"]
    assert [place(page, block) for page, block in not_run if len(block.argument) < 5] == []
    assert len(not_run) <= MAX_NOT_RUN
    record_property("figure", f"Documentation: {len(not_run)} blocks not run, each with a reason")


def test_every_block_that_a_test_runs_is_read_by_it() -> None:
    wrong = [
        place(page, block)
        for page, block in BLOCKS
        if block.treatment == "run by"
        and page.path.name not in (ROOT / block.argument).read_text("utf-8")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=place(page, block))
        for page, block in BLOCKS
        if block.treatment == "from"
    ],
)
def test_a_block_from_a_file_is_part_of_it(page: Page, block: Block) -> None:
    del page
    file = (ROOT / block.argument).read_text("utf-8")
    assert _without_indents(block.text) in _without_indents(file)


def _without_indents(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def test_python_json_and_toml_blocks_can_be_parsed() -> None:
    parsers: dict[str, Callable[[str], object]] = {
        "python": ast.parse,
        "json": json.loads,
        "toml": tomllib.loads,
    }
    wrong = []
    for page, block in BLOCKS:
        # Output may be several values, and is compared; a part of a file is in a tested file.
        if block.language in parsers and not {"output"} & {*block.options, block.treatment}:
            if block.treatment == "from":
                continue
            try:
                parsers[block.language](block.text)
            except ValueError as error:
                wrong.append(f"{place(page, block)}: {error}")
    assert wrong == []


def test_output_is_compared_without_what_differs_from_run_to_run() -> None:
    assert same_json([{"id": "a", "cursor": "x"}], [{"id": "a", "cursor": "y"}])
    assert not same_json([{"id": "a"}], [{"id": "b"}])
    assert same_json({"message": "..."}, {"message": "anything"})
    assert same_json({"id": "a", "...": "..."}, {"id": "a", "region": "north"})
    assert not same_json({"id": "a", "...": "..."}, {"region": "north"})
    assert same_text("at 2026-01-01T00:00:00Z\n...\nend", "at 2026-02-02T10:20:30.5Z\n1\n2\nend")
    assert not same_text("one\ntwo", "one\nthree")
