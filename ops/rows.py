"""Rows that our own SQL returned, as instances of the models."""

from collections.abc import Mapping
from typing import TypeVar

import asyncpg
from tortoise.models import Model

__all__ = ["instance"]

M = TypeVar("M", bound=Model)


def instance(model: type[M], row: Mapping[str, object] | asyncpg.Record) -> M:
    """Return a row as the ORM would have fetched it; columns unknown to the model are left out."""
    return model._init_from_db(**row)  # noqa: SLF001  # the ORM has no public way to do this
