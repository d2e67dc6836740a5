"""Fixtures of the tests of the GraphQL API."""

from typing import Any

import pytest

from tests.api.operations import Ask
from tests.conftest import GraphQL


@pytest.fixture
def ask(graphql: GraphQL) -> Ask:
    """Execute an operation, assert that it has no errors, and return its data."""

    async def run(document: str, **variables: Any) -> dict[str, Any]:
        answer = await graphql(document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    return run
