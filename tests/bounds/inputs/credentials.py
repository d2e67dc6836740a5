"""Invalid credentials, and limits of a caller."""

from base64 import urlsafe_b64encode

import orjson

from tests.bounds.harness import JSON, Answer, Target
from tests.bounds.inputs.hostile_input import HostileInput, in_parallel

__all__ = ["CREDENTIALS"]

LONG = 44_000


def _part(content: dict[str, object]) -> str:
    return urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


def send_token(target: Target, token: str) -> Answer:
    """Send a request with this token."""
    with target.client(caller=None) as client:
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        return Answer.of(client.post("/graphql", content=b"{}", headers=headers))


def unsigned(header: dict[str, object]) -> str:
    """Return a JWT without a valid signature."""
    return f"{_part({'alg': 'HS256', **header})}.{_part({'sub': 'x'})}.AAAA"


CREDENTIALS = [
    HostileInput(
        name=f"a JWT with a `crit` name of {LONG:,} characters",
        send=lambda target: send_token(target, unsigned({"crit": ["x" * LONG]})),
        status=401,
        code="UNAUTHENTICATED",
    ),
    HostileInput(
        name=f"a JWT with an `alg` of {LONG:,} characters",
        send=lambda target: send_token(target, unsigned({"alg": "x" * LONG})),
        status=401,
        code="UNAUTHENTICATED",
    ),
    HostileInput(
        name="a JWT with 12,000 objects in its header, 40 at once",
        send=lambda target: in_parallel(
            40, lambda number: send_token(target, unsigned({"kid": number, "x": [{}] * 12_000}))
        ),
        status=401,
        code="UNAUTHENTICATED",
    ),
    HostileInput(
        name=f"an API token of {LONG:,} characters, 40 at once",
        send=lambda target: in_parallel(
            40, lambda number: send_token(target, f"ticketops_{number}" + "x" * LONG)
        ),
        status=401,
        code="UNAUTHENTICATED",
    ),
]
