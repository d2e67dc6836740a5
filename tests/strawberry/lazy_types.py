"""A type that `test_types.py` refers to lazily, and that refers back."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from tests.strawberry.test_types import Writer


@strawberry.type
class Novel:
    title: str

    @strawberry.field
    def writer(self) -> Annotated["Writer", strawberry.lazy("tests.strawberry.test_types")]:
        from tests.strawberry.test_types import Writer  # noqa: PLC0415  # a circle

        return Writer(name=f"of {self.title}")
