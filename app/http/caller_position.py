"""The header `Ticketops-Position`: the position of a caller's last change.

A client sends the last value that it received, so that any server reads where the change is
visible. Servers without replicas ignore the header and do not send it.
"""

from starlette.types import Scope

from app.http.request_record import record_of
from engine.database.caller_reads import CallerReads
from engine.database.replicas import Replicas
from resolvers.context import Caller, Context

__all__ = ["EXTENSION", "HEADER", "add_position", "reads_of"]

HEADER = "Ticketops-Position"
# The name among the extensions of a GraphQL request and its response.
EXTENSION = "position"
_RAW_HEADER = HEADER.lower().encode("ascii")


def reads_of(scope: Scope, replicas: Replicas, caller: Caller) -> CallerReads:
    """Return the object that runs the operations of a request.

    All anonymous callers count as one caller.
    """
    sent = b",".join(value for name, value in scope["headers"] if name == _RAW_HEADER)
    return CallerReads(replicas, caller.identity or "", sent.decode("latin-1") if sent else None)


def add_position(scope: Scope, context: Context) -> None:
    """Add the header to the response if the request may have changed something."""
    reads = context.reads
    if reads is not None and reads.position:
        record_of(scope).headers.append((_RAW_HEADER, reads.position.encode("ascii")))
