"""Introspection by the documents of published tools."""

import pytest

from tests.api.introspections import OWN, VARIABLES, of_graphql_js
from tests.api.operations import Ask

OF_GRAPHQL_JS = of_graphql_js()


@pytest.mark.parametrize("options", OF_GRAPHQL_JS)
async def test_the_document_of_graphql_js_is_accepted(ask: Ask, options: str) -> None:
    assert (await ask(OF_GRAPHQL_JS[options]))["__schema"]["types"]


@pytest.mark.parametrize("name", OWN)
async def test_the_documents_of_other_tools_are_accepted(ask: Ask, name: str) -> None:
    text = OWN[name]
    variables = {name: value for name, value in VARIABLES.items() if f"${name}" in text}
    assert None not in (await ask(text, **variables)).values()
