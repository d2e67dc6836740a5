"""Access: who is let in with AUTH=required, and what each may do there."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from graphql import GraphQLInterfaceType, GraphQLObjectType

from schema.access import SCOPES, required_scopes
from schema.build import graphql_schema
from tests.app.http.conftest import Serve
from tests.app.http.serving import Served, served

# As long as any of the algorithms wants it.
SECRET = "a-key-of-the-tests-" * 4
OTHER_SECRET = "another-key-of-the-tests-" * 4
ISSUER = "https://issuer.example"
AUDIENCE = "ticketops"

READ = "{ tickets { totalCount } }"
WRITE = """mutation {
  createTicket(input: {
    subject: "S", description: "", customerName: "N", customerEmail: "n@example.com"
  }) { errors { code } }
}"""
SEND = 'mutation { sendToOps(input: {ticketId: "none"}) { errors { code } } }'
STATUS = '{ opsStatus(ticketId: "none") { errors { code } } }'
VIEWER = "{ viewer { name scopes } }"


@pytest.fixture(scope="module")
def closed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with access required, for tokens of ours and for JWTs."""
    log_file = tmp_path_factory.mktemp("log") / "server.log"
    settings = {"AUTH": "required", "JWT_SECRET": SECRET}
    settings |= {"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
    with served(log_file, database_url, **settings) as running:
        yield running


Tokens: TypeAlias = Callable[..., str]


@pytest.fixture
def tokens(database_url: str) -> Tokens:
    """Run ``ticketops token`` and return what it prints."""

    def run(*arguments: str) -> str:
        program = Path(sys.executable).with_name("ticketops")
        command = [str(program), "token", *arguments, "--database-url", database_url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


@pytest.fixture
def new_token(tokens: Tokens) -> Tokens:
    """Make a token with a name of its own and these scopes."""

    def make(*scopes: str) -> str:
        return tokens("create", uuid4().hex, *(f"--scope={scope}" for scope in scopes))

    return make


def ask(served: Served, document: str, token: str | None = None) -> httpx2.Response:
    headers = {"Accept": "application/graphql-response+json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return served.http.post("/graphql", json={"query": document}, headers=headers)


def signed(key: Any = SECRET, algorithm: Any = "HS256", **claims: Any) -> str:
    now = datetime.now(UTC)
    content = {
        "sub": "ann",
        "scope": "read",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + timedelta(minutes=5),
    } | claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm=algorithm)


def test_without_a_credential_nothing_is_told(closed: Served) -> None:
    for document in (READ, VIEWER, '{ __type(name: "Ticket") { name } }'):
        response = ask(closed, document)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json() == {
            "errors": [
                {
                    "message": "Access is required:"
                    " send an API token or a JWT as Authorization: Bearer.",
                    "extensions": {"code": "UNAUTHENTICATED"},
                }
            ]
        }
    for path in ("/tickets", "/tickets/x", "/api/status/x"):
        response = closed.http.get(path)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_does_what_its_scopes_allow_and_nothing_else(
    closed: Served, new_token: Tokens
) -> None:
    allowed = {
        "read": {READ, VIEWER},
        "write": {WRITE, VIEWER},
        "ops": {SEND, STATUS, VIEWER},
        "admin": {VIEWER},
    }
    for scope, documents in allowed.items():
        token = new_token(scope)
        for document in (READ, WRITE, SEND, STATUS, VIEWER):
            response = ask(closed, document, token)
            if document in documents:
                assert "data" in response.json(), (scope, document)
                assert response.status_code == 200
            else:
                assert response.status_code == 403
                challenge = response.headers["WWW-Authenticate"]
                assert challenge.startswith('Bearer error="insufficient_scope", scope="')
                [error] = response.json()["errors"]
                assert error["extensions"]["code"] == "FORBIDDEN"
                assert "data" not in response.json()


def test_an_operation_that_is_forbidden_in_part_is_not_begun(
    closed: Served, new_token: Tokens
) -> None:
    token, reader = new_token("write"), new_token("read")
    before = ask(closed, READ, reader).json()
    both = WRITE.rstrip("}") + 'sendToOps(input: {ticketId: "none"}) { errors { code } } }'
    answer = WRITE.replace("errors { code }", "ticket { id } errors { code }")
    for document, needed in ((both, "ops write"), (answer, "read write")):
        refused = ask(closed, document, token)
        assert refused.status_code == 403
        assert f'scope="{needed}"' in refused.headers["WWW-Authenticate"]
    assert ask(closed, READ, reader).json() == before


def test_rest_has_the_same_gate(closed: Served, new_token: Tokens) -> None:
    token = new_token("read")
    headers = {"Authorization": f"Bearer {token}"}
    assert closed.http.get("/tickets", headers=headers).status_code == 200
    refused = closed.http.post("/tickets", headers=headers, json={})
    assert refused.status_code == 403
    assert refused.json()["code"] == "FORBIDDEN"
    assert 'scope="write"' in refused.headers["WWW-Authenticate"]
    assert closed.http.post("/api/ops/x", headers=headers).status_code == 403
    assert closed.http.get("/api/status/x", headers=headers).status_code == 403


def test_health_needs_no_credential(closed: Served) -> None:
    assert closed.http.get("/healthz").status_code == 200
    assert closed.http.get("/readyz").status_code == 200


async def test_a_revoked_and_an_expired_token_are_refused(
    closed: Served, tokens: Tokens, database_url: str
) -> None:
    revoked = tokens("create", "revoked", "--scope", "read")
    tokens("revoke", "revoked")
    expired = tokens("create", "expired", "--scope", "read", "--days", "1")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE api_tokens SET expires_at = now() WHERE name = 'expired'")
    await connection.close()
    for token in (revoked, expired, "ticketops_none"):
        response = ask(closed, READ, token)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    listed = tokens("list")
    assert "revoked" in listed
    assert revoked not in listed


def test_a_good_jwt_is_its_subject_with_the_scopes_that_we_know(closed: Served) -> None:
    answer = ask(closed, VIEWER, signed(scope="read ops elsewhere")).json()
    assert answer == {"data": {"viewer": {"name": "ann", "scopes": ["ops", "read"]}}}


EXPIRED: dict[str, Any] = {"exp": datetime.now(UTC) - timedelta(minutes=5)}
NOT_YET: dict[str, Any] = {"nbf": datetime.now(UTC) + timedelta(minutes=5)}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(**EXPIRED), id="expired"),
        pytest.param(signed(**NOT_YET), id="not yet good"),
        pytest.param(signed(exp=None), id="without an end"),
        pytest.param(signed(sub=None), id="without a subject"),
        pytest.param(signed(iss="https://other.example"), id="of another issuer"),
        pytest.param(signed(aud="other"), id="for another audience"),
        pytest.param(signed(OTHER_SECRET), id="another key"),
        pytest.param(signed(algorithm="HS512"), id="another algorithm"),
        pytest.param(signed(None, "none"), id="alg none"),
        pytest.param(signed()[:-4], id="truncated"),
        pytest.param(signed().rpartition(".")[0] + ".", id="without a signature"),
        pytest.param("x" * 5000, id="long"),
        pytest.param("a.b.c", id="not base64"),
    ],
)
def test_a_bad_jwt_is_refused(closed: Served, token: str) -> None:
    response = ask(closed, READ, token)
    assert response.status_code == 401
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "UNAUTHENTICATED"
    ]


def test_other_schemes_and_doubled_headers_are_refused(closed: Served) -> None:
    body = {"query": VIEWER}
    for headers in (
        [("Authorization", f"Basic {signed()}")],
        [("Authorization", f"Bearer {signed()}")] * 2,
    ):
        assert closed.http.post("/graphql", json=body, headers=headers).status_code == 401


def test_secrets_are_in_no_log(serve: Serve, new_token: Tokens) -> None:
    closed = serve(AUTH="required", JWT_SECRET=SECRET, LOG_LEVEL="debug")
    ours = new_token("read")
    theirs = signed(iss=None, aud=None)
    for token in (
        ours,
        theirs,
        signed(OTHER_SECRET),
        "ticketops_x1y2",
    ):
        ask(closed, VIEWER, token)
    closed.wait_for_text("request")
    log = closed.log_text()
    for secret in (ours, theirs, SECRET, "ticketops_x1y2"):
        assert secret not in log


@pytest.fixture
def keys() -> Iterator[tuple[dict[str, Any], str]]:
    """Serve a set of public keys that the test may change, and yield it with its URL."""
    published: dict[str, Any] = {"keys": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            body = json.dumps(published).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield published, f"http://127.0.0.1:{server.server_address[1]}/keys"
        server.shutdown()
        thread.join()


def _published(kid: str, key: Any, algorithm: str) -> dict[str, Any]:
    implementation = jwt.get_algorithm_by_name(algorithm)
    public = implementation.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "alg": algorithm, "use": "sig"}


def test_public_keys_are_fetched_and_a_secret_made_of_one_is_refused(
    serve: Serve, keys: tuple[dict[str, Any], str]
) -> None:
    published, url = keys
    first = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    second = ec.generate_private_key(ec.SECP256R1())
    published["keys"] = [_published("first", first, "RS256"), _published("second", second, "ES256")]
    closed = serve(AUTH="required", JWT_JWKS_URL=url)

    def token(key: Any, algorithm: str, kid: str) -> str:
        claims = {"sub": "ann", "scope": "read", "exp": time.time() + 60}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})

    assert ask(closed, READ, token(first, "RS256", "first")).status_code == 200
    assert ask(closed, READ, token(second, "ES256", "second")).status_code == 200
    # Signed with the other key, with an algorithm that is not the key's, by no key, with none.
    assert ask(closed, READ, token(second, "ES256", "first")).status_code == 401
    assert ask(closed, READ, token(first, "RS512", "first")).status_code == 401
    assert ask(closed, READ, token(first, "RS256", "unknown")).status_code == 401
    assert ask(closed, READ, token("x" * 64, "HS256", "first")).status_code == 401


def test_every_field_of_the_schema_declares_what_it_needs() -> None:
    schema = graphql_schema()
    required = required_scopes(schema)
    for name, graphql_type in schema.type_map.items():
        if isinstance(graphql_type, (GraphQLObjectType, GraphQLInterfaceType)):
            for field in graphql_type.fields:
                assert name.startswith("__") or required[f"{name}.{field}"] in SCOPES | {None}
    # What is reached from a root without its own need must not be a row.
    for root in ("Query", "Mutation", "Subscription"):
        free = {f for f in schema.type_map[root].fields if required[f"{root}.{f}"] is None}  # type: ignore[attr-defined]
        assert free <= {"viewer"}
