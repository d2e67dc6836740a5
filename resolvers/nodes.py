"""Objects of any type, by id."""

from collections.abc import Sequence

from engine.sql.queries import Nodes
from resolvers.context import Context
from resolvers.errors import ErrorCode, InvalidInput
from resolvers.tables import TABLES
from resolvers.text_validation import checked_id

MAX_NODES = 100

_TABLES = tuple(TABLES.values())


def find_node(context: Context, id: str) -> Nodes:  # noqa: ARG001  # every resolver takes it
    """Return the object with this id."""
    return Nodes(_TABLES, (checked_id(id, "id"),), single=True)


def find_nodes(context: Context, ids: Sequence[str]) -> Nodes:  # noqa: ARG001  # every resolver takes it
    """Return the objects with these ids, in the order of the ids; at most 100 ids."""
    if len(ids) > MAX_NODES:
        message = f"ids must have at most {MAX_NODES} items, not {len(ids)}."
        raise InvalidInput(ErrorCode.INVALID, message, "ids")
    return Nodes(_TABLES, tuple(checked_id(one, "ids") for one in ids))
