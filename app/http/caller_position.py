"""The header with the position of a caller's last change, with which any server reads it.

Clients send the last one that they received, which matters if another server answers. Servers
without replicas neither read nor send it.
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
    """Return what runs the operations of a request; all anonymous callers count as one."""
    sent = b",".join(value for name, value in scope["headers"] if name == _RAW_HEADER)
    return CallerReads(replicas, caller.identity or "", sent.decode("latin-1") if sent else None)


def add_position(scope: Scope, context: Context) -> None:
    """Add the header to the response, if the request perhaps changed something."""
    reads = context.reads
    if reads is not None and reads.position:
        record_of(scope).headers.append((_RAW_HEADER, reads.position.encode("ascii")))
