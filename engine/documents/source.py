"""The text of a document, in which the line of an error is found without reading all lines."""

from graphql import Source, SourceLocation

__all__ = ["DocumentSource"]

# Errors repeat the positions of few fields, for example for each row of a list.
_MAX_KEPT = 64


class DocumentSource(Source):
    """Source of a document; each error of its execution has a location.

    graphql-core compares the position with each line before it, again for each error: thousands of
    errors in a document of thousands of lines take a second.
    """

    __slots__ = ("_locations",)

    def __init__(self, body: str) -> None:
        super().__init__(body)
        self._locations: dict[int, SourceLocation] = {}

    def get_location(self, position: int) -> SourceLocation:
        """Return the line and the column of a position, which is not within a line break."""
        location = self._locations.get(position)
        if location is None:
            if len(self._locations) >= _MAX_KEPT:
                self._locations.clear()
            location = self._locations[position] = _location(self.body, position)
        return location


def _location(text: str, position: int) -> SourceLocation:
    feeds, returns = text.count("\n", 0, position), text.count("\r", 0, position)
    pairs = text.count("\r\n", 0, position) if feeds and returns else 0
    start = max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1
    return SourceLocation(feeds + returns - pairs + 1, position - start + 1)
