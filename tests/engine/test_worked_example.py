"""The worked example in docs/explanation/projection-engine.md shows the real statements."""

import re
from pathlib import Path

from resolvers.context import Context
from tests.engine.execution import execute_projected, prepare

PAGE = Path(__file__).parents[2] / "docs/explanation/projection-engine.md"


def blocks(language: str) -> list[str]:
    """Return the code blocks of the page that are in a language."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def without_whitespace(text: str) -> str:
    return "".join(text.split())


async def test_the_documented_statements_are_those_that_run(
    context: Context, statements: list[str]
) -> None:
    [text] = blocks("graphql")
    document = prepare(text)
    first = await execute_projected(document, {}, context)
    assert first.data is not None
    statements.clear()
    second = await execute_projected(
        document, {"after": first.data["tickets"]["pageInfo"]["endCursor"]}, context
    )
    assert second.errors is None
    documented = [without_whitespace(block) for block in blocks("sql")]
    assert [without_whitespace(statement) for statement in statements] == documented
