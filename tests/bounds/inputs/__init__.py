"""Every hostile input, by kind. A new input is one entry in the list of its kind."""

from tests.bounds.inputs.answers import ANSWERS
from tests.bounds.inputs.bursts import BURSTS
from tests.bounds.inputs.credentials import CREDENTIALS
from tests.bounds.inputs.documents import DOCUMENTS
from tests.bounds.inputs.failing import FAILING
from tests.bounds.inputs.filters import FILTERS
from tests.bounds.inputs.heads import HEADS
from tests.bounds.inputs.hostile_input import HostileInput
from tests.bounds.inputs.json_values import JSON_VALUES
from tests.bounds.inputs.messages import MESSAGES
from tests.bounds.inputs.replays import REPLAYS
from tests.bounds.inputs.sockets import SOCKETS
from tests.bounds.inputs.unfinished import UNFINISHED
from tests.bounds.inputs.unique import UNIQUE

__all__ = ["INPUTS"]

INPUTS: list[HostileInput] = [
    *JSON_VALUES,
    *DOCUMENTS,
    *FAILING,
    *FILTERS,
    *HEADS,
    *BURSTS,
    *SOCKETS,
    *MESSAGES,
    *UNFINISHED,
    *ANSWERS,
    *REPLAYS,
    *UNIQUE,
    *CREDENTIALS,
]
