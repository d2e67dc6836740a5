"""Locations in a document are those of graphql-core."""

from graphql import Source
from hypothesis import given
from hypothesis import strategies as st

from engine.documents.source import DocumentSource

TEXTS = st.text(st.sampled_from("a\n\r {\u2028\U0001f600"), min_size=1, max_size=60)


@given(TEXTS)
def test_locations_are_those_of_graphql_core(text: str) -> None:
    reference, source = Source(text), DocumentSource(text)
    # Twice, because found locations are kept.
    for _ in range(2):
        for position, character in enumerate(text):
            if character not in "\r\n":
                assert source.get_location(position) == reference.get_location(position)


def test_a_document_keeps_few_locations() -> None:
    source = DocumentSource("a" * 1_000)
    for position in range(1_000):
        assert source.get_location(position) == (1, position + 1)
        assert len(source._locations) <= 64
